"""A sticky NIC gets its VF back, 20 times of 20, though libvirt's own first free VF is another; no hold is left."""

# timeout: 1200
from vfpoollab import *

make_pool("sticky", [("enp1s0", "0-3")], sticky=True)
define_guest("first", "sticky")
define_guest("second", "sticky")
start("first")
start("second")
free = active_lease("first")["pci"]
wanted = active_lease("second")["pci"]
check(free != wanted, "two guests on one VF")
destroy("first")
wait_until(lambda: lease_of("first") is None, 3, "first's lease is over")

for turn in range(1, 21):
    destroy("second")
    wait_until(lambda: lease_of("second") is None, 3, "second's lease is over")
    equal(vf_row(free)["state"], "free", "state of the VF that libvirt would pick")
    start("second")
    equal(live_vf("second"), wanted, f"VF of start {turn}")
    wait_until(lambda: not holds("sticky"), 1, f"no hold is left after start {turn}")
    if turn % 5 == 0:
        step(f"{turn} of {turn} starts got {wanted}")
active_lease("second")
equal([port["owner"] for port in ports("sticky").values()], ["second"], "ports of the network")
