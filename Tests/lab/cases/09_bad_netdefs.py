"""A netdef that can't be a pool is refused with file, line and reason, and nothing is changed by it."""

from vfpoollab import *

GOOD = netdef("bad", [("enp1s0", "0-3")], vf='trust="on"', inside='<vlan><tag id="42"/></vlan>')


def change(old, new):
    check(old in GOOD, f"the good netdef has no {old}")
    return GOOD.replace(old, new)


# (what, XML, the text on whose line the mistake is, a part of the reason)
CASES = [
    ("not XML", change("</network>", "</netwrk>"), "</netwrk>", "closing tag"),
    ("external entity", '<!DOCTYPE network [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n' + GOOD, "<!DOCTYPE", "DOCTYPE"),
    ("overlap", change('dev="enp1s0"', 'dev="enp2s0"'), "enp2s0", "overlaps pool other"),
    ("not hostdev", change('<forward mode="hostdev"', '<forward mode="nat"'), 'mode="nat"', "hostdev"),
    ("unknown policy", change('policy="pack"', 'policy="random"'), "random", "random"),
    ("unknown attribute", change('trust="on"', 'trsut="on"'), "trsut", "trsut"),
    ("not a switch", change('trust="on"', 'trust="maybe"'), "maybe", "maybe"),
    ("range backwards", change('range="0-3"', 'range="3-0"'), "3-0", "3-0"),
    ("range beyond the VFs", change('range="0-3"', 'range="0-9"'), "0-9", "9"),
    ("more VFs than the card has", change('vfs="7"', 'vfs="8"'), 'vfs="8"', "7"),
    ("no such PF", change('dev="enp1s0"', 'dev="enp9s9"'), "enp9s9", "enp9s9"),
    ("no such kind of PF", change('dev="enp1s0"', 'match="15b3:1017"'), "15b3:1017", "it has enp1s0"),
    ("half a kind of PF", change('dev="enp1s0"', 'match="10ca"'), "10ca", "vendor:device"),
    ("VLAN out of range", change('tag id="42"', 'tag id="4095"'), "4095", "4095"),
    ("trunk", change('<tag id="42"/>', '<tag id="42"/><tag id="43"/>'), "43", "trunk"),
    ("portgroup that isn't there", change('<vfpool:vf trust', '<vfpool:vf portgroup="gone" trust'), "gone", "gone"),
]


def snapshot():
    return {
        "networks": virsh("net-list", "--all", "--name").stdout, "pools": vfpool("pool", "list"),
        "counts": [vf_count(pf) for pf in PFS], "vfs": [vf_states(pf) for pf in PFS],
    }


make_pool("other", [("enp2s0", "2-5")])
before = snapshot()
for what, xml, place, reason in CASES:
    step(what)
    line = xml[: xml.index(place)].count("\n") + 1
    said = vfpool_refused("pool", "apply", save("bad", xml))
    check(re.search(rf"bad\.xml:{line}\b|\bline {line}\b", said), f"{what}: line {line} isn't named in: {said}")
    contains(said, reason, f"{what}: the reason")
    equal(snapshot(), before, f"{what}: the host afterwards")
