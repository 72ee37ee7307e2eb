"""A VF comes back to its baseline in every field, with its driver and its history; a guest that starts in the very
moment of the release gets that VF with its own settings, and keeps them."""

# timeout: 900
from vfpoollab import *

make_pool(
    "policy", [("enp1s0", "0-0")], vf='trust="on" spoofchk="off" maxTxRate="500" qos="3"',
    inside='<vlan><tag id="42"/></vlan>',
)
pci = vf_pci("enp1s0", 0)
# The MAC that was recorded: udev may give a new VF's netdev another one a moment later.
recorded = run("sqlite3", LEDGER, f"select mac from baseline where vf = '{pci}'").stdout.strip()
baseline = {**vf_state("enp1s0", 0), "mac": recorded}
check(recorded, "no baseline was recorded")
define_guest("a", "policy", mac="52:54:00:00:0a:01")
define_guest("b", "policy", mac="52:54:00:00:0b:01")


def check_policy(guest):
    expected = {
        "mac": guest_mac(guest), "vlan": 42, "qos": 3, "vlanProto": "802.1Q", "spoofchk": False, "trust": True,
        "linkState": baseline["linkState"], "minTxRate": 0, "maxTxRate": 500,
    }
    equal(vf_state("enp1s0", 0), expected, f"state of {guest}'s VF")


def check_baseline():
    found = vf_state("enp1s0", 0)
    equal(found, baseline, "VF after the release")
    wait_until(lambda: driver_of(pci) == "igbvf", 3, "igbvf is bound again")
    equal(vf_row(pci)["state"], "free", "state of the VF")


step("the pool's settings are on the VF while the guest runs")
start("a")
lease = active_lease("a")
check_policy("a")

step("and gone afterwards")
destroy("a")
wait_until(lambda: lease_of("a") is None, 3, "a's lease is over")
check_baseline()

step("the history knows it")
past = vfpool("lease", "history", "--guest", "a", "--pool", "policy")
equal(len(past), 1, "leases in a's history")
equal((past[0]["pci"], past[0]["mac"], past[0]["pf"], past[0]["index"]), (pci, "52:54:00:00:0a:01", "enp1s0", 0), "history")
check(past[0]["since"] < past[0]["until"], f"times of {past[0]}")
check(past[0]["reason"], "no reason in the history")

for turn in range(1, 4):
    step(f"b starts in the moment of a's release, turn {turn}")
    start("a")
    active_lease("a")
    stopping = subprocess.Popen(["virsh", "-q", "destroy", "a"])
    # The only VF is a's until its port is deleted: refusals until then, the VF at once afterwards.
    wait_until(lambda: start("b", ok=False).returncode == 0, 6, "b gets the VF")
    equal(stopping.wait(60), 0, "virsh destroy a")
    equal(active_lease("b")["pci"], pci, "b's VF")
    wait_until(lambda: lease_of("a") is None, 3, "a's lease is over")
    time.sleep(3)
    check_policy("b")
    equal(vf_row(pci)["guest"], "b", "guest of the VF")
    destroy("b")
    wait_until(lambda: lease_of("b") is None, 3, "b's lease is over")
    check_baseline()
