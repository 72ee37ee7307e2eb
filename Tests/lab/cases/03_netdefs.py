"""Every netdef of the repository is a libvirt network by libvirt's own schema, and a pool as it stands."""

from vfpoollab import *

files = sorted(glob.glob("/root/lab/netdefs/*.xml"))
check(files, "no netdefs were copied in")
for path in files:
    step(os.path.basename(path))
    name = ET.parse(path).getroot().findtext("name")
    virsh("net-define", "--validate", path)
    virsh("net-undefine", name)
    wait_until(lambda: name not in pools(), 3, "vfpoold has seen the network go")
    equal([vf_count(pf) for pf in PFS], [0, 0], "VFs before")
    equal(vfpool_refused("pool", "apply", "--plan", path, code=3), "", "what --plan says on stderr")
    equal([vf_count(pf) for pf in PFS], [0, 0], "VFs after --plan")
    vfpool("pool", "apply", path)
    row = pools()[name]
    equal((row["active"], row["autostart"], row["mode"]), (True, True, "enforce"), "active, autostart, mode")
    check(row["total"] > 0 and row["free"] + row["reserved"] == row["total"], f"VFs of the pool: {row}")
    equal(vfpool_text("pool", "export", name).stdout, open(path).read(), "pool export")
    equal(run("vfpool", "pool", "apply", "--plan", path).returncode, 0, "exit code of --plan with nothing to do")
    vfpool_text("pool", "remove", name)
    for pf in PFS:
        vfpool_text("pf", "set-vfs", pf, "0")
