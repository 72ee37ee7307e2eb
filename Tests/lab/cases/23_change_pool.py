"""A pool is changed under running guests, row by row of the README's table: each keeps its VF, libvirt's counts stay right,
and what needs a guest stopped is refused by its name. Pools find their cards by selectors, and follow them."""

# soak
# timeout: 2400
from vfpoollab import *

CARD = 'match="8086:10ca" driver="igb"'


def text_of(pfs=f'{CARD} range="0-3"', pool="", placement="", inside="", more=""):
    """pfs: the attributes of each <vfpool:pf>; pool: of <vfpool:pool>; more: further elements in it."""
    pfs = [pfs] if isinstance(pfs, str) else pfs
    lines = "\n".join(f'      <vfpool:pf {pf} vfs="{VFS_A_PF}"/>' for pf in pfs)
    return f"""<network>
  <name>p</name>
  <metadata>
    <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1" {pool}>
{lines}
      <vfpool:placement policy="spread" {placement}/>
      {more}
    </vfpool:pool>
  </metadata>
  <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
  {inside}
</network>
"""


def plan_of(path):
    done = run("vfpool", "pool", "apply", "--plan", path, "--json", ok=False)
    check(done.returncode in (0, 3), f"pool apply --plan: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)[0]


def connections():
    return ET.fromstring(virsh("net-dumpxml", "p").stdout).get("connections")


def listed(*options):
    return {pci_text(address) for address in ET.fromstring(virsh("net-dumpxml", *options, "p").stdout).iter("address")}


def whole(what):
    """Everything is as it was before the change, for the guests and for libvirt."""
    equal(ports("p"), PORTS, f"{what}: ports")
    equal(connections(), str(len(PORTS)), f"{what}: connections that libvirt counts")
    equal({name: active_lease(name) for name in LEASES}, LEASES, f"{what}: leases")
    equal(drifts(), [], f"{what}: drifts")


def changed(what, text, effect, restarts, guests=()):
    """Applies a change with the token of its plan, which must say all this."""
    step(what)
    path = save("p", text)
    virsh("net-define", "--validate", save("q", text.replace("<name>p</name>", "<name>q</name>")))
    virsh("net-undefine", "q")
    wait_until(lambda: "q" not in pools(), 3, "vfpoold has seen the network go")
    states = {name: vf_state(lease["pf"], lease["index"]) for name, lease in LEASES.items()}
    plan = plan_of(path)
    rows = [row for row in plan["changes"] if what in row["what"]]
    check(len(rows) == 1, f"“{what}” isn't in the plan: {plan}")
    equal((rows[0]["effect"], rows[0]["restartsNetwork"], set(rows[0]["guests"])), (effect, restarts, set(guests)),
          f"{what}: when it takes effect")
    equal("restart network p" in plan["steps"], restarts, f"{what}: whether the network is restarted, by {plan['steps']}")
    contains(vfpool_text("pool", "apply", "--plan", path, ok=False).stdout, f"--if-plan {plan['token']}", f"{what}: the plan")
    vfpool_text("pool", "apply", path, "--if-plan", plan["token"])
    whole(what)
    equal({name: vf_state(lease["pf"], lease["index"]) for name, lease in LEASES.items()}, states,
          f"{what}: the running guests' VFs")
    equal(plan_of(path)["steps"], [], f"{what}: what is left to do")
    return text


def refused(what, text, guests):
    step(what)
    path = save("p", text)
    plan = plan_of(path)
    equal(set(plan["disruptedGuests"]), set(guests), f"{what}: guests that would lose their VF")
    said = vfpool_refused("pool", "apply", path)
    for guest in guests:
        contains(said, guest, f"{what}: the refusal")
    whole(what)


def next_start(name):
    """A guest that is started anew has what the pool says by now; returns its VF's state while it ran."""
    start(name)
    lease = active_lease(name)
    state = vf_state(lease["pf"], lease["index"])
    destroy(name)
    wait_until(lambda: lease_of(name) is None, 3, f"{name}'s lease is over")
    whole(f"after {name}")
    return state


step("selectors: one line means both cards")
report = vfpool("pool", "apply", save("p", text_of()))[0]
contains(" ".join(report["notes"]), f"{CARD} selects enp1s0, enp2s0", "notes of the apply")
wait_for_carrier(PFS)
equal(pools()["p"]["total"], 8, "VFs of the pool")
for name in ("a", "b", "c"):
    define_guest(name, "p")
start("a")
start("b")
LEASES = {name: active_lease(name) for name in ("a", "b")}
PORTS = ports("p")
equal({lease["pf"] for lease in LEASES.values()}, set(PFS), "cards of the guests")
whole("at the start")

changed("quota 2 is new", text_of(placement='quota="2"'), "now", False)
changed("placement sticky no becomes yes", text_of(placement='quota="2" sticky="yes"'), "now", False)
changed("whenDown allow becomes ignore", text_of(pool='whenDown="ignore"', placement='quota="2" sticky="yes"'), "now", False)
kept = '<vfpool:reserve guest="db" vf="enp1s0/3"/>'
changed("enp1s0/3 is kept for db", text_of(pool='whenDown="ignore"', more=kept), "now", False)
changed("macConflict refuse becomes warn", text_of(pool='macConflict="warn"'), "now", False)
changed("enforce no becomes yes", text_of(pool='enforce="yes"'), "now", False)

changed("maxTxRate 200 is new", text_of(more='<vfpool:vf trust="on" maxTxRate="200"/>'), "nextStart", False, LEASES)
state = next_start("c")
equal((state["trust"], state["maxTxRate"]), (True, 200), "what c was given")
changed("maxTxRate 200 goes", text_of(), "nextStart", False, LEASES)

changed("VFs enp1s0/4-5, enp2s0/4-5 join the pool", text_of(f'{CARD} range="0-5"'), "now", True)
equal(len(listed()), 12, "VFs that the live network lists")
next_start("c")
changed("VFs enp1s0/5, enp2s0/5 leave the pool", text_of(f'{CARD} range="0-4"'), "guestsStopped", True)
equal(len(listed()), 10, "VFs that the live network lists")

vlan = '<vlan><tag id="42"/></vlan>'
changed("VLAN 42 is new", text_of(inside=vlan), "nextStart", True, LEASES)
equal(next_start("c")["vlan"], 42, "VLAN of c")
changed("portgroup g is new", text_of(inside=vlan + '<portgroup name="g"><vlan><tag id="43"/></vlan></portgroup>'),
        "nextStart", True)
changed("portgroup g: VLAN 43 becomes 44",
        text_of(inside=vlan + '<portgroup name="g"><vlan><tag id="44"/></vlan></portgroup>'), "nextStart", True)
define_guest("g", "p", portgroup="g")
equal(next_start("g")["vlan"], 44, "VLAN of g")
changed("portgroup g goes", text_of(inside=vlan), "nextStart", True)
changed("VLAN 42 goes", text_of(), "nextStart", True, LEASES)

index = LEASES["a"]["index"]
refused("a VF that a guest has doesn't leave", text_of(f'{CARD} range="{index + 1}-6"'), LEASES)
refused("another count needs the guests stopped", text_of().replace(f'vfs="{VFS_A_PF}"', 'vfs="5"'), LEASES)

step("a plan is of its moment: another file, and it is refused")
path = save("p", text_of(placement='quota="3"'))
token = plan_of(path)["token"]
save("p", text_of(placement='quota="4"'))
contains(vfpool_refused("pool", "apply", path, "--if-plan", token), "the state has moved", "the refusal")
vfpool_text("pool", "apply", save("p", text_of()))
whole("after the refusals")

step("vfpoold killed in the middle of a restart: once it is back, all is as it must be")
path = save("p", text_of(f'{CARD} range="0-5"'))
apply = subprocess.Popen(["vfpool", "pool", "apply", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
wait_until(lambda: len(listed("--inactive")) == 12 or apply.poll() is not None, 6, "the network is defined anew")
run("systemctl", "kill", "-s", "KILL", "vfpoold")
apply.wait(30 * SLOW)
wait_until(lambda: is_active("vfpoold") and vfpool("status")["libvirtConnected"], 6, "vfpoold is back")
wait_until(lambda: "p" in active_networks() and ports("p") == PORTS, 6, "the ports are there")
nothing_to_do()
vfpool_text("pool", "apply", path)
whole("after the kill")

step("each other selector means its card")
for pf in PFS:
    mac = read(f"/sys/class/net/{pf}/address")
    pci = os.path.basename(os.path.realpath(f"/sys/class/net/{pf}/device"))
    for selector in (f'mac="{mac}"', f'pci="{pci}"'):
        other = [f'dev="{name}"' for name in PFS if name != pf]
        notes = plan_of(save("selector", text_of([selector, *other])))["notes"]
        contains(" ".join(notes), f"{selector} selects {pf}", "the plan's notes")

step("a card that is renamed is still meant")
for name in LEASES:
    destroy(name)
wait_until(lambda: not vfpool("lease", "list"), 3, "no lease is left")
run("ip", "link", "set", "enp2s0", "down")
run("ip", "link", "set", "enp2s0", "name", "lan0")
try:
    wait_until(lambda: any(row["pf"] == "lan0" for row in pool_vfs("p")), 6, "the pool's VFs are lan0's")
    check(not [text for text in vfpool("status")["problems"] if "lost" in text], "status speaks of a lost card")
    equal(plan_of(path)["steps"], [], "what is to be done")
finally:
    # udev keeps the name that it had as an alternative one.
    run("ip", "link", "property", "del", "dev", "lan0", "altname", "enp2s0", ok=False)
    run("ip", "link", "set", "lan0", "name", "enp2s0")
    run("ip", "link", "set", "enp2s0", "up")
wait_until(lambda: any(row["pf"] == "enp2s0" for row in pool_vfs("p")), 6, "the pool's VFs are enp2s0's")

step("a card that is gone is told, and when it is back its VFs are, too")
device = os.path.realpath("/sys/class/net/enp2s0/device")
write(f"{device}/remove", 1)
wait_until(lambda: any("pool p has lost" in text for text in vfpool("status")["problems"]), 6, "status tells of it")
start("c")
equal(active_lease("c")["pf"], "enp1s0", "card of c")
write("/sys/bus/pci/rescan", 1)
wait_until(lambda: os.path.exists("/sys/class/net/enp2s0") and vf_count("enp2s0") == VFS_A_PF, 12, "enp2s0 has its VFs")
run("ip", "link", "set", "enp2s0", "up")
wait_until(lambda: not any("lost" in text for text in vfpool("status")["problems"]), 6, "nothing is told any more")
nothing_to_do()
equal(connections(), "1", "connections that libvirt counts")
destroy("c")
