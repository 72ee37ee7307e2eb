"""`vfpool selftest`: what igb can and can't do, tried on a VF in no pool and on one in a pool, and a vfpoold that is killed over it."""

# timeout: 600
from vfpoollab import *


def settings(pf):
    return {index: without_mac(state) for index, state in vf_states(pf).items()}


set_vf_count("enp1s0", 2)
make_pool("p", [("enp2s0", None)])
define_guest("a", "p")
start("a")
active_lease("a")

step("a VF in no pool")
before = settings("enp1s0")
report = vfpool("selftest", "--pf", "enp1s0")
outcomes = {}
for row in report["attributes"]:
    outcomes.setdefault(row["attribute"], row["outcome"])
equal((report["pf"], report["index"], report["restored"]), ("enp1s0", 1, True), f"the VF: {report}")
for name in ("mac", "vlan", "qos", "spoofchk", "trust"):
    equal(outcomes[name], "ok", f"{name}: {report['attributes']}")
# It knows neither the other protocol nor link states.
equal((outcomes["vlanProto"], outcomes["linkState"]), ("unsupported", "unsupported"), f"{report['attributes']}")
equal(settings("enp1s0"), before, "what the kernel says of the VFs")
contains(vfpool_text("selftest", "--pf", "enp1s0").stdout, "ATTRIBUTE", "text for people")
equal(settings("enp1s0"), before, "what the kernel says of the VFs")

step("a VF of a pool, beside a guest's")
before = settings("enp2s0")
report = vfpool("selftest", "--pf", "enp2s0")
equal((report["index"], report["restored"]), (VFS_A_PF - 1, True), f"the VF: {report}")
equal(settings("enp2s0"), before, "what the kernel says of the VFs")
equal(holds("p"), [], "holds afterwards")
nothing_to_do()

step("killed over it: what it has left is put right")
for pf in PFS:
    before = settings(pf)
    test = subprocess.Popen(["vfpool", "selftest", "--pf", pf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: settings(pf) != before or test.poll() is not None, 6, f"a VF of {pf} is being changed")
    run("systemctl", "kill", "-s", "KILL", "vfpoold")
    test.wait()
    wait_until(lambda: is_active("vfpoold") and settings(pf) == before, 12, f"the VFs of {pf} are what they were")
    wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "vfpoold is connected to libvirt again")
    nothing_to_do()

step("a PF without VFs is refused with the way out")
set_vf_count("enp1s0", 0)
contains(vfpool_refused("selftest", "--pf", "enp1s0"), "vfpool pf set-vfs enp1s0 1", "way out")
