"""Every netdef of the repository is a libvirt network by libvirt's own schema."""

from vfpoollab import *

files = sorted(glob.glob("/root/lab/netdefs/*.xml"))
check(files, "no netdefs were copied in")
for path in files:
    step(os.path.basename(path))
    name = ET.parse(path).getroot().findtext("name")
    virsh("net-define", "--validate", path)
    virsh("net-undefine", name)
