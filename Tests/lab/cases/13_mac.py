"""A guest keeps its MAC over stops and starts, also when it gets another VF; a MAC that another guest uses is refused."""

from vfpoollab import *

make_pool("macs", [("enp1s0", None)])
define_guest("a", "macs")
define_guest("b", "macs")
start("a")
first = active_lease("a")
destroy("a")
wait_until(lambda: lease_of("a") is None, 3, "a's lease is over")

step("another guest takes the VF, a gets another one and has its MAC")
start("b")
equal(active_lease("b")["pci"], first["pci"], "b's VF")
start("a")
second = active_lease("a")
check(second["pci"] != first["pci"], "a has the VF that b has")
equal(second["mac"], first["mac"], "a's MAC")
equal(guest_mac("a", inactive=True), first["mac"], "a's MAC in its definition")
equal(vf_state(second["pf"], second["index"])["mac"], first["mac"], "MAC of a's VF in the kernel")

step("mac list")
binding = [row for row in vfpool("mac", "list") if row["guest"] == "a" and row["pool"] == "macs"]
equal(len(binding), 1, "a's MAC bindings")
equal((binding[0]["mac"], binding[0]["lastPci"]), (first["mac"], second["pci"]), "a's MAC binding")

step("a third guest with a's MAC is refused, and told who has it")
define_guest("c", "macs", mac=first["mac"])
refused = start("c", ok=False)
check(refused.returncode != 0, "two guests with one MAC run")
contains(refused.stderr, first["mac"], "the refusal")
contains(refused.stderr, "which guest a uses", "the refusal")
check(lease_of("c") is None, "the refused guest has a lease")
