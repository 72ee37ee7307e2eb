"""Bound MACs: a guest that is defined anew has its own, in virsh and on the wire; MACs are bound by hand and from a list."""

# timeout: 900
from datetime import datetime, timedelta, timezone

from vfpoollab import *


def now():
    return datetime.now(timezone.utc)


def text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def bindings(guest):
    return [row for row in vfpool("mac", "list") if row["guest"] == guest]


def keep(name, pfs, mac):
    """A pool with this mac= attribute."""
    path = save(name, netdef(name, pfs).replace('vfpool:pool:1"', f'vfpool:pool:1" mac="{mac}"'))
    vfpool("pool", "apply", path)
    wait_until(lambda: name in active_networks(), 3, f"network {name} is active")


def stop(name):
    destroy(name)
    wait_until(lambda: lease_of(name) is None, 3, f"{name}'s lease is over")


def expect_mac(name, mac):
    """In virsh, in the lease, and on the VF."""
    wait_until(lambda: guest_mac(name, inactive=True) == mac, 3, f"{name} is defined with {mac}")
    start(name)
    lease = active_lease(name)
    equal((lease["mac"], guest_mac(name)), (mac, mac), f"{name}'s MAC in its lease and its live XML")
    equal(vf_state(lease["pf"], lease["index"])["mac"], mac, f"MAC of {name}'s VF in the kernel")
    return lease


# The ledger outlives the cases, and what an earlier run bound would wait for its guests.
for guest in ["web", "plain", "later", "db", "twin", "new", "new2"]:
    run("vfpool", "mac", "unbind", guest, "--all", ok=False)
keep("kept", [("enp1s0", None)], "keep")
keep("free", [("enp2s0", None)], "follow")
wait_for_carrier(PFS)

step("a guest is undefined and defined anew without a MAC: its bound MAC is in virsh and on the wire")
define_guest("web", "kept")
start("web")
begin = now()
mac = active_lease("web")["mac"]
time.sleep(2)
stop("web")
end = now()
undefine("web")
define_guest("web", "kept")
expect_mac("web", mac)
rows = bindings("web")
equal([row["mac"] for row in rows], [mac], "web's bindings")
equal(rows[0]["guestUUID"], virsh("domuuid", "web").stdout.strip(), "whose binding it is")

step("a changed definition is left alone, and the binding follows")
stop("web")
other = "52:54:00:fe:00:01"
virsh("define", save("web", virsh("dumpxml", "web", "--inactive").stdout.replace(mac, other)))
time.sleep(5)
equal(guest_mac("web", inactive=True), other, "web's MAC in its changed definition")
expect_mac("web", other)
equal([row["mac"] for row in bindings("web")], [other], "web's bindings")

step("without keep nothing is written")
define_guest("plain", "free")
start("plain")
first = active_lease("plain")["mac"]
stop("plain")
undefine("plain")
define_guest("plain", "free", mac="52:54:00:fe:00:02")
time.sleep(5)
equal(guest_mac("plain", inactive=True), "52:54:00:fe:00:02", "plain's MAC in its definition")

step("a MAC is bound before its guest is defined")
change = vfpool("mac", "bind", "later", "kept")
promised = change["binding"]["mac"]
check(promised.startswith("52:54:00:"), f"the prefix of {promised}")
equal(change["binding"]["guestUUID"], None, "the UUID of a guest that isn't defined yet")
define_guest("later", "kept")
expect_mac("later", promised)
stop("later")

step("a bound MAC of a defined guest is written")
vfpool("mac", "bind", "later", "kept", "52:54:00:fe:00:03")
expect_mac("later", "52:54:00:fe:00:03")

step("conflicts name both guests")
refused = vfpool_refused("mac", "bind", "db", "kept", other)
for part in [other, "guest web", "guest db", "vfpool mac unbind web kept/0"]:
    contains(refused, part, "the refusal")
contains(vfpool_refused("mac", "bind", "web", "kept", "52:54:00:fe:00:04"), "stop the guest first", "the refusal")
contains(vfpool_refused("mac", "unbind", "web", "kept"), "stop the guest first", "the refusal")
contains(vfpool_refused("mac", "bind", "web", "kept/1", "01:00:5e:00:00:01"), "multicast", "the refusal")
define_guest("twin", "kept", mac=other)
refused = start("twin", ok=False)
check(refused.returncode != 0, "two guests with one MAC run")
for part in ["guest twin", other, "guest web"]:
    contains(refused.stderr, part, "the refusal of the start")

step("a list is bound as a whole, or not at all")
bad = save("bad", f"new kept 52:54:00:fe:00:05\n\nnew2 kept {other}\nnew3 nopool 52:54:00:fe:00:06\nnew4 kept 52:54\n")
refused = vfpool_refused("mac", "import", bad)
for part in ["line 3: ", "guest new2", "guest web", "line 4: no pool nopool", "line 5: "]:
    contains(refused, part, "the refusal of the list")
equal(bindings("new"), [], "what a refused list bound")
good = save("good", "# moved\nnew kept 52:54:00:fe:00:05\nnew kept/1 52:54:00:fe:00:06\n")
equal(run("vfpool", "mac", "import", good, "--plan", ok=False).returncode, 3, "exit code of a plan with steps")
equal(bindings("new"), [], "what a plan bound")
vfpool("mac", "import", good)
equal([row["mac"] for row in bindings("new")], ["52:54:00:fe:00:05", "52:54:00:fe:00:06"], "what the list bound")
again = save("again", run("vfpool", "mac", "list", "--json").stdout)
equal(vfpool("mac", "import", again, "--plan")["steps"], [], "steps of what is bound already")
define_guest("new", ["kept", "kept"])
wait_until(lambda: guest_mac("new", inactive=True) == "52:54:00:fe:00:05", 3, "new is defined with its first MAC")
vfpool_text("mac", "unbind", "new", "--all")
equal(bindings("new"), [], "new's bindings after unbind")

step("who had it then")
rows = vfpool("lease", "history", "--mac", mac, "--at", text(begin + (end - begin) / 2))
equal([row["guest"] for row in rows], ["web"], f"who had {mac}")
equal(vfpool("lease", "history", "--mac", mac, "--at", text(begin - timedelta(days=1))), [], f"who had {mac} the day before")
