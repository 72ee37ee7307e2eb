"""NUMA, reservations and quotas: a start gets what `pool explain` said before, and virsh shows why another is refused."""

# timeout: 2400
import atexit

from vfpoollab import *

DEVICES = "/sys/bus/pci/devices"


def text_of(numa, *reservations, quota=2):
    """The pool's XML: VFs 0 to 3 of both cards."""
    text = netdef("all", [(pf, "0-3") for pf in PFS], placement=f' numa="{numa}" quota="{quota}"')
    lines = "".join(f'      <vfpool:reserve guest="{guest}" vf="{vf}"/>\n' for guest, vf in reservations)
    return text.replace("    </vfpool:pool>", f"{lines}    </vfpool:pool>")


def set_nodes(nodes):
    """Puts each card and its VFs on a NUMA node, and has vfpoold read them: no event tells of it."""
    for pf, node in zip(PFS, nodes):
        for pci in [link_name(f"/sys/class/net/{pf}/device"), *(vf_pci(pf, index) for index in range(vf_count(pf)))]:
            write(f"{DEVICES}/{pci}/numa_node", node)
    run("udevadm", "trigger", "--settle", "--action=change", "--subsystem-match=pci")


def nodes_of_vfs():
    return {row["pf"]: row["numaNode"] for row in vfpool("vf", "list")}


def pin(name, cpus):
    """Pins a guest as a whole: an emulated one's CPUs can't be pinned one by one."""
    xml = virsh("dumpxml", "--inactive", name).stdout
    virsh("define", save(name, re.sub("<vcpu[^>]*>", f"<vcpu placement='static' cpuset='{cpus}'>", xml)))


def explain(guest, pool="all"):
    return vfpool("pool", "explain", pool, "--guest", guest)


def picks(report):
    return [row["pci"] for row in sorted(report["vfs"], key=lambda row: row["nic"] or 0) if row["nic"] is not None]


def live_vfs(name):
    interfaces = ET.fromstring(virsh("dumpxml", name).stdout).findall("devices/interface")
    return [pci_text(interface.find("source/address")) for interface in interfaces]


def start_as_explained(name, expected):
    """Starts a guest with one NIC: it gets what explain says, which is the VF named PF/INDEX."""
    report = explain(name)
    equal(report["refusal"], None, f"refusal of {name}")
    equal([f"{row['pf']}/{row['index']}" for row in report["vfs"] if row["nic"] == 0], [expected], f"explained VF of {name}")
    equal(report["vfs"][0]["rank"], 1, "rank of the first VF")
    start(name)
    equal(live_vf(name), picks(report)[0], f"VF of {name}")
    active_lease(name)
    wait_until(lambda: not holds("all"), 1, f"no hold is left after the start of {name}")
    return report


def refused_start(name, *parts, pool="all"):
    """The start is refused, by virsh's words and by explain's, which are the same; returns explain's lines."""
    said = explain(name, pool)["refusal"]
    check(said, f"explain does not say that {name} is refused")
    shown = start(name, ok=False)
    check(shown.returncode != 0, f"{name} started")
    for line in said.splitlines():
        contains(shown.stderr, line.strip(), "what virsh shows")
    for part in parts:
        contains(said, part, f"the refusal of {name}")
    check(not [row for row in vfpool("lease", "list") if row["guest"] == name], f"the refused {name} has a lease")
    return said.splitlines()


check(os.path.exists("/sys/devices/system/node/node1"), "the emulated host has one NUMA node only")
equal([read(f"/sys/devices/system/node/node{node}/cpulist") for node in (0, 1)], ["0", "1"], "CPUs of the nodes")

step("the pool is applied; a reservation of a VF that isn't in it is refused with its line")
said = vfpool_refused("pool", "apply", save("all", text_of("prefer", ("db", "enp1s0/5"))))
contains(said, "line 8: VF enp1s0/5, reserved for guest db, is not in the pool", "the refusal")
vfpool("pool", "apply", save("all", text_of("prefer", ("db", "enp1s0/0"))))
wait_for_carrier(PFS)
atexit.register(set_nodes, (-1, -1))
set_nodes((0, 1))
equal(nodes_of_vfs(), {"enp1s0": 0, "enp2s0": 1}, "NUMA nodes of the VFs")
row = pools()["all"]
equal((row["total"], row["free"], row["reserved"]), (8, 7, 1), "total, free, reserved")
row = vf_row(vf_pci("enp1s0", 0))
equal((row["state"], row["why"]), ("reserved", "for guest db"), "the reserved VF")
contains(vfpool_text("pool", "show", "all").stdout, "enp1s0/0 for guest db", "pool show")

step("a guest pinned to CPU 1 gets a VF of the card on node 1, though libvirt's first free one is another")
define_guest("near", "all")
pin("near", "1")
report = start_as_explained("near", "enp2s0/0")
equal(report["numaNodes"], [1], "nodes of near")
equal(sorted(row["pci"] for row in report["vfs"] if row["held"]), [vf_pci("enp1s0", index) for index in range(4)], "holds")

step("a guest whose memory is on node 0 gets the other card; one that doesn't say, libvirt's first that isn't reserved")
define_guest("memory", "all")
virsh("numatune", "memory", "--mode", "preferred", "--nodeset", "0", "--config")
equal(start_as_explained("memory", "enp1s0/1")["numaNodes"], [0], "nodes of memory")
define_guest("plain", "all")
equal(start_as_explained("plain", "enp1s0/2")["numaNodes"], [], "nodes of plain")

step("a reservation goes before NUMA")
define_guest("db", "all")
pin("db", "1")
contains(start_as_explained("db", "enp1s0/0")["vfs"][0]["why"], "reserved for db", "why db gets it")
equal(vf_row(vf_pci("enp1s0", 0))["guest"], "db", "guest of the reserved VF")
running = [row for row in explain("near")["vfs"] if row["nic"] == 0]
equal([row["pci"] for row in running], [live_vf("near")], "a guest that runs is explained as if it had stopped")

step("a quota is for all NICs of a guest")
define_guest("greedy", ["all", "all", "all"])
refused_start("greedy", "guest greedy may have at most 2", "(quota)")

step("several NICs in one pool and in two")
make_pool("two", [("enp1s0", "4-6")])
define_guest("multi", ["all", "two", "all"])
expected = [picks(explain("multi"))[0], picks(explain("multi", "two"))[0], picks(explain("multi"))[1]]
start("multi")
equal(live_vfs("multi"), expected, "VFs of multi, NIC by NIC")
destroy("multi")
wait_until(lambda: not [row for row in vfpool("lease", "list") if row["guest"] == "multi"], 3, "multi's leases are over")

step("strict: when the near card is full, the next is told so, and who has what; others start")
vfpool("pool", "apply", save("all", text_of("strict", ("db", "enp1s0/0"))))
wait_for_carrier(PFS)
for number in range(1, 4):
    define_guest(f"s{number}", "all")
    pin(f"s{number}", "1")
    start_as_explained(f"s{number}", f"enp2s0/{number}")
define_guest("s4", "all")
pin("s4", "1")
lines = refused_start("s4", "no free VF for guest s4", "far from its NUMA nodes", "leased", "near (0)", "s3 (3)", "db (0)")
contains(lines[1], "on NUMA node 0, while s4 runs on 1", "the most useful line comes first")
row = next(row for row in explain("s4")["vfs"] if row["pf"] == "enp2s0" and row["index"] == 3)
equal((row["rank"], row["kind"], row["guest"]), (None, "leased", "s3"), "the row of a leased VF")
define_guest("last", "all")
start_as_explained("last", "enp1s0/3")

step("full: the reserved VF of a guest that is off is named, and is still that guest's")
destroy("db")
wait_until(lambda: lease_of("db") is None, 3, "db's lease is over")
refused_start("db", "enp1s0/0, reserved for it: on NUMA node 0, while db runs on 1")
pin("db", "0-1")
define_guest("late", "all")
refused_start("late", "1 of 8 reserved for others", "enp1s0/0: reserved for guest db")
start_as_explained("db", "enp1s0/0")
text = vfpool_text("pool", "explain", "all", "--guest", "late").stdout
contains(text, "is refused", "explain for people")
contains(vfpool_refused("pool", "explain", "all", "--guest", "nobody"), "no guest nobody", "explain of an unknown guest")
