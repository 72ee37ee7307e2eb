"""A guest keeps its MAC over stops and starts, also when it gets another VF; a MAC that another guest uses is refused, or
warned of."""

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

step("a pool that only warns lets it start, and tells of it")
warning = f"pool macs: guest c has MAC {first['mac']}, which guest a uses on enp1s0/{second['index']}"
def is_told():
    return f"[PoolFlows] {warning}" in run("journalctl", "-b", "-u", "vfpoold", "-o", "cat").stdout
def problems():
    return [text for text in vfpool("status")["problems"] if warning in text]
check(not is_told(), "the journal tells of it before it has happened")
equal(problems(), [], "problems beforehand")
text = netdef("macs", [("enp1s0", None)]).replace('vfpool:pool:1"', 'vfpool:pool:1" macConflict="warn"')
vfpool("pool", "apply", save("macs", text))
start("c")
third = active_lease("c")
equal(third["mac"], first["mac"], "c's MAC")
check(third["pci"] != second["pci"], "c has a's VF")
wait_until(is_told, 3, "the journal tells of it")
equal(len(problems()), 1, f"problems that tell of it: {vfpool('status')['problems']}")
destroy("c")
wait_until(lambda: lease_of("c") is None, 3, "c's lease is over")
equal(problems(), [], "problems once c is gone")
equal(active_lease("a"), second, "a's lease")
equal(vf_state(second["pf"], second["index"])["mac"], first["mac"], "MAC of a's VF after c's stop")
check(vf_state(third["pf"], third["index"])["mac"] != first["mac"], "c's VF has kept the MAC")
