"""All 14 VFs are handed out, each once; the 15th guest is refused with the reasons; after a stop it starts."""

# timeout: 1200
from vfpoollab import *

make_pool("full", [(pf, None) for pf in PFS])
guests = [define_guest(f"g{number:02}", "full") for number in range(1, 16)]
for name in guests[:14]:
    start(name)
step("14 guests run")
vfs = {name: active_lease(name)["pci"] for name in guests[:14]}
equal(len(set(vfs.values())), 14, "different VFs")
row = pools()["full"]
equal((row["total"], row["leased"], row["free"]), (14, 14, 0), "total, leased, free of the pool")

step("the 15th is refused")
refused = start("g15", ok=False)
check(refused.returncode != 0, "the 15th guest started")
for part in ["full", "14 of 14"] + guests[:14]:
    contains(refused.stderr, part, "the refusal")
check(lease_of("g15") is None, "the refused guest has a lease")
equal(len(vfpool("lease", "list")), 14, "leases after the refusal")

step("after a stop it starts")
destroy("g07")
wait_until(lambda: lease_of("g07") is None, 3, "g07's lease is over")
start("g15")
equal(active_lease("g15")["pci"], vfs["g07"], "VF of the 15th guest")
