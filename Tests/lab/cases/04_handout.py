"""Two guests of a spread pool get VFs of different PFs, libvirt and the lease list agree, and they reach each other."""

# timeout: 2400
from vfpoollab import *

make_pool("spread", [(pf, None) for pf in PFS], policy="spread")
equal(pools()["spread"]["total"], 14, "VFs of the pool")
define_guest("a", "spread", kernel=True, ip=1, peer=2)
define_guest("b", "spread", kernel=True, ip=2, peer=1)

step("start two guests")
start("a")
start("b")
leases = {name: active_lease(name) for name in ("a", "b")}
check(leases["a"]["pf"] != leases["b"]["pf"], f"both guests are on {leases['a']['pf']}")

step("the VFs are shown as leased, with their guests and MACs")
for name, lease in leases.items():
    row = vf_row(lease["pci"])
    equal((row["state"], row["guest"], row["leaseMac"]), ("leased", name, lease["mac"]), f"vf list, VF of {name}")
    equal(row["driver"], "vfio-pci", f"driver of {name}'s VF")
    equal(vf_state(lease["pf"], lease["index"])["mac"], lease["mac"], f"MAC of {name}'s VF in the kernel")
equal(pools()["spread"]["leased"], 2, "leased VFs of the pool")

step("they reach each other through their VFs")
for name, lease in leases.items():
    equal(wait_inside(name, r"GUEST-UP (\S+)")[1], lease["mac"], f"MAC inside {name}")
for name in ("a", "b"):
    wait_inside(name, "PING-OK")
