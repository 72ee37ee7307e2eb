#!/bin/bash
# What the kernel tells by itself: a PF that loses its carrier gets guests last until it has it back for a while; a VF
# that somebody else changes under a guest is reported, and put back where the pool says so.
# timeout: 600
source "$LAB_SUPPORT"

inside <<'PYTHON'
def problem(part):
    return [text for text in vfpool("status")["problems"] if part in text]

make_pool("watched", [("enp1s0", "0-3"), ("enp2s0", "0-3")], policy="spread", vf='trust="off" spoofchk="on"')
define_guest("a", "watched")
start("a")
vf = active_lease("a")
equal((vf["pf"], vf["index"]), ("enp1s0", 0), "VF of a")
step("a change by somebody else is told")
equal(problem("was changed under"), [], "problems before")
run("ip", "link", "set", "enp1s0", "vf", "0", "trust", "on")
wait_until(lambda: problem("enp1s0/0 was changed under guest a: it has trust on"), 3, "status tells")
equal(vf_state("enp1s0", 0)["trust"], True, "trust, which is left as it is")
run("ip", "link", "set", "enp1s0", "vf", "0", "trust", "off")
equal(problem("was changed under"), [], "problems afterwards")

step("a pool with enforce=yes puts it back")
kept = netdef("kept", [("enp1s0", "4-6")], vf='trust="off" maxTxRate="100"')
vfpool("pool", "apply", save("kept", kept.replace('pool:1">', 'pool:1" enforce="yes">')))
define_guest("k", "kept")
start("k")
equal(active_lease("k")["index"], 4, "VF of k")
run("ip", "link", "set", "enp1s0", "vf", "4", "trust", "on", "max_tx_rate", "300")
def is_back():
    state = vf_state("enp1s0", 4)
    return (state["trust"], state["maxTxRate"]) == (False, 100)
wait_until(is_back, 3, "enp1s0/4 is put back")
equal(problem("was changed under"), [], "problems once it is put back")
PYTHON

note "the cable of enp1s0 is pulled"
lab cable 1 out
inside <<'PYTHON'
wait_until(lambda: [text for text in vfpool("status")["problems"] if "PF enp1s0 has no carrier" in text], 3, "status tells")
for name in ("b", "c"):
    define_guest(name, "watched")
    start(name)
    equal(active_lease(name)["pf"], "enp2s0", f"PF of {name}")
PYTHON

note "the cable is back"
lab cable 1 in
inside <<'PYTHON'
wait_until(lambda: not [text for text in vfpool("status")["problems"] if "carrier" in text], 6, "enp1s0 is healthy")
define_guest("d", "watched")
start("d")
equal(active_lease("d")["pf"], "enp1s0", "PF of d")
PYTHON
