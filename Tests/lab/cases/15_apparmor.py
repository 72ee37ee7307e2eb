"""With AppArmor confining guests, as Debian ships it, a pool's guest may open its VF: `vfpool enable` sees to that."""

# timeout: 900
from vfpoollab import *

CONF = "/etc/libvirt/qemu.conf"
before = read(CONF)
write(CONF, "")
try:
    run("systemctl", "restart", "libvirtd")
    wait_until(lambda: vfpool("status")["libvirtConnected"], 5, "vfpoold is connected to libvirt again")
    make_pool("confined", [("enp1s0", None)])
    define_guest("a", "confined")
    start("a")
    active_lease("a")
    uuid = virsh("domuuid", "a").stdout.strip()
    contains(run("aa-status").stdout, f"libvirt-{uuid}", "the guest's AppArmor profile")
    destroy("a")
    wait_until(lambda: lease_of("a") is None, 3, "a's lease is over")
finally:
    write(CONF, before + "\n")
    run("systemctl", "restart", "libvirtd")
wait_until(lambda: vfpool("status")["libvirtConnected"], 5, "vfpoold is connected to libvirt again")
