"""`vf list` and `pf list` against sysfs and netlink, field by field: two igb cards, and 256 VFs of netdevsim."""

from vfpoollab import *

NETLINK_FIELDS = "mac vlan qos vlanProto spoofchk trust linkState minTxRate maxTxRate".split()


def compare_netlink(pf, rows):
    states = vf_states(pf)
    equal(sorted(row["index"] for row in rows), sorted(states), f"VF indexes of {pf}")
    for row in rows:
        for field in NETLINK_FIELDS:
            equal(row[field], states[row["index"]][field], f"{field} of {pf}/{row['index']}")


def number(text):
    return None if text in (None, "-1") else int(text)


for pf in PFS:
    set_vf_count(pf, VFS_A_PF)
step("some VFs that aren't as they came")
run("ip", "link", "set", "enp1s0", "vf", "3", "mac", "52:54:00:00:03:01", "vlan", "42", "qos", "3")
run("ip", "link", "set", "enp2s0", "vf", "5", "trust", "on", "spoofchk", "off", "max_tx_rate", "500")
write(f"/sys/bus/pci/devices/{vf_pci('enp1s0', 6)}/driver/unbind", vf_pci("enp1s0", 6))

for pf in PFS:
    step(f"{pf} against sysfs and netlink")
    rows = vfpool("vf", "list", "--pf", pf)
    equal(len(rows), VFS_A_PF, f"VFs of {pf}")
    compare_netlink(pf, rows)
    for row in rows:
        name, pci = f"{pf}/{row['index']}", vf_pci(pf, row["index"])
        device = f"/sys/bus/pci/devices/{pci}"
        equal(row["pf"], pf, f"pf of {name}")
        equal(row["pci"], pci, f"pci of {name}")
        equal(row["driver"], driver_of(pci), f"driver of {name}")
        equal(row["netdev"], netdev_of(pci), f"netdev of {name}")
        equal(row["numaNode"], number(read(f"{device}/numa_node")), f"numaNode of {name}")
        equal(row["iommuGroup"], number(link_name(f"{device}/iommu_group")), f"iommuGroup of {name}")
        equal(row["state"], "unpooled", f"state of {name}")

step("what was changed is seen")
changed = {(row["pf"], row["index"]): row for row in vfpool("vf", "list")}
equal(changed["enp1s0", 3]["mac"], "52:54:00:00:03:01", "MAC that was set")
equal((changed["enp1s0", 3]["vlan"], changed["enp1s0", 3]["qos"]), (42, 3), "VLAN that was set")
equal(changed["enp2s0", 5]["maxTxRate"], 500, "rate that was set")
equal(changed["enp2s0", 5]["trust"], True, "trust that was set")
equal(changed["enp1s0", 6]["driver"], None, "driver that was unbound")

step("what changes afterwards is seen at once")
pci = vf_pci("enp1s0", 6)
for driver in ("igbvf", None, "igbvf"):
    where = f"/sys/bus/pci/drivers/{driver}/bind" if driver else f"/sys/bus/pci/devices/{pci}/driver/unbind"
    write(where, pci)
    equal(vfpool("vf", "show", "enp1s0/6")["driver"], driver, "driver of enp1s0/6")
netdev = netdev_of(vf_pci("enp1s0", 0))
run("ip", "link", "set", netdev, "down")
run("ip", "link", "set", netdev, "name", "renamed0")
equal(vfpool("vf", "show", "enp1s0/0")["netdev"], "renamed0", "netdev of enp1s0/0")
run("ip", "link", "set", "renamed0", "mtu", "1400")
run("ip", "link", "add", "bridge0", "type", "bridge")
run("ip", "link", "set", "renamed0", "master", "bridge0")
row = vfpool("vf", "show", "enp1s0/0")
equal((row["mtu"], row["state"], row["why"]), (1400, "hostUsed", "is in bridge bridge0"), "enp1s0/0 in a bridge")
run("ip", "link", "set", "renamed0", "nomaster")
equal(vfpool("vf", "show", "enp1s0/0")["state"], "unpooled", "enp1s0/0 out of the bridge")
run("ip", "link", "del", "bridge0")
run("ip", "netns", "add", "aside")
run("ip", "link", "set", "renamed0", "netns", "aside")
row = vfpool("vf", "show", "enp1s0/0")
equal((row["netdev"], row["state"]), (None, "hostUsed"), "enp1s0/0 in another namespace")
run("ip", "-n", "aside", "link", "set", "renamed0", "netns", "1")
run("ip", "netns", "del", "aside")
equal(vfpool("vf", "show", "enp1s0/0")["state"], "unpooled", "enp1s0/0 is back")

step("vf set writes what ip shows, and says what a card can't do")
vfpool_text("vf", "set", "enp2s0/2", "--mac", "52:54:00:00:02:02", "--vlan", "7", "--qos", "2", "--trust", "on",
            "--spoofchk", "off", "--max-tx-rate", "250")
equal(vf_state("enp2s0", 2), {
    "mac": "52:54:00:00:02:02", "vlan": 7, "qos": 2, "vlanProto": "802.1Q", "spoofchk": False, "trust": True,
    "linkState": "auto", "minTxRate": 0, "maxTxRate": 250}, "enp2s0/2")
contains(vfpool_refused("vf", "set", "enp2s0/2", "--link-state", "enable"), "enp2s0/2", "the refusal names the VF")
contains(vfpool_refused("vf", "set", "enp2s0/9", "--trust", "on"), "enp2s0/9", "the refusal names the VF")
vfpool_refused("vf", "set", "enp2s0/2", "--vlan", "4095", code=2)
step("a VF that doesn't take all of it is as before")
contains(vfpool_refused("vf", "set", "enp2s0/2", "--trust", "off", "--link-state", "enable"), "linkState", "what wasn't taken")
equal(vf_state("enp2s0", 2)["trust"], True, "trust of enp2s0/2")
vfpool_text("vf", "set", "enp2s0/2", "--vlan", "none")
equal(vf_state("enp2s0", 2)["vlan"], None, "VLAN of enp2s0/2")

step("pf list")
for row in vfpool("pf", "list"):
    pf = row["name"]
    device = f"/sys/class/net/{pf}/device"
    equal(row["pci"], link_name(device), f"pci of {pf}")
    equal(row["driver"], "igb", f"driver of {pf}")
    equal(row["numVFs"], VFS_A_PF, f"numVFs of {pf}")
    equal(row["totalVFs"], int(read(f"{device}/sriov_totalvfs")), f"totalVFs of {pf}")
    equal(row["carrier"], read(f"/sys/class/net/{pf}/carrier") == "1", f"carrier of {pf}")

step("a PF's other names, its speed, who shares an IOMMU group")
run("ip", "link", "property", "add", "dev", "enp1s0", "altname", "uplink0")
row = vfpool("pf", "show", "uplink0")
# Newer versions of udev add one of the card's MAC.
equal((row["name"], [name for name in row["altNames"] if not name.startswith("enx")]), ("enp1s0", ["uplink0"]), "names of enp1s0")
equal(row["speed"], int(read("/sys/class/net/enp1s0/speed")), "speed of enp1s0")
equal(row["autoprobe"], True, "autoprobe of enp1s0")
equal(vfpool("vf", "show", "uplink0/1")["index"], 1, "a VF by its PF's other name")
write("/sys/class/net/enp1s0/device/sriov_drivers_autoprobe", "0")
equal(vfpool("pf", "show", "enp1s0")["autoprobe"], False, "autoprobe of enp1s0, switched off")
write("/sys/class/net/enp1s0/device/sriov_drivers_autoprobe", "1")
run("ip", "link", "property", "del", "dev", "enp1s0", "altname", "uplink0")
for row in [*vfpool("pf", "list"), *vfpool("vf", "list")]:
    if row["iommuGroup"] is not None:
        members = sorted(os.listdir(f"/sys/kernel/iommu_groups/{row['iommuGroup']}/devices"))
        equal(sorted([row["pci"], *row["iommuGroupOthers"]]), members, f"IOMMU group of {row['pci']}")

step("256 VFs of a netdevsim PF, none left out")
pf = netdevsim(256)
run("ip", "link", "set", pf, "vf", "20", "mac", "52:54:00:00:14:01")
rows = vfpool("vf", "list", "--pf", pf)
equal(len(rows), 256, f"VFs of {pf}")
compare_netlink(pf, rows)
equal([row["mac"] for row in rows if row["index"] == 20], ["52:54:00:00:14:01"], "MAC of VF 20")

step("all of them set at once, some again")
vfpool_text("vf", "set", f"{pf}/*", "--trust", "on", "--spoofchk", "off", "--max-tx-rate", "500", "--rss-query", "on")
vfpool_text("vf", "set", f"{pf}/200-255", "--link-state", "disable")
rows = vfpool("vf", "list", "--pf", pf, "--counters")
compare_netlink(pf, rows)
equal({(row["trust"], row["spoofchk"], row["maxTxRate"], row["rssQuery"]) for row in rows}, {(True, False, 500, True)}, "settings")
equal([row["index"] for row in rows if row["linkState"] == "disable"], list(range(200, 256)), "VFs without link")
check(all(row["counters"]["rxPackets"] >= 0 and row["isComplete"] for row in rows), "a VF without counters")
equal({row["counters"] for row in vfpool("vf", "list", "--pf", pf)}, {None}, "counters that nobody asked for")

step("a card in switchdev mode, and the netdevs that stand for its VFs")
equal(vfpool("pf", "show", pf)["eswitchMode"], "legacy", f"switch mode of {pf}")
pf = netdevsim(3, number=3)
run("devlink", "dev", "eswitch", "set", "netdevsim/netdevsim3", "mode", "switchdev")
row = vfpool("pf", "show", pf)
equal((row["eswitchMode"], row["unsupported"]), ("switchdev", "its card is in switchdev mode"), f"switch mode of {pf}")
ports = json.loads(run("devlink", "-j", "port", "show").stdout)["port"]
expected = {port["vfnum"]: port["netdev"] for name, port in ports.items()
            if name.startswith("netdevsim/netdevsim3/") and port["flavour"] == "pcivf"}
equal(len(expected), 3, f"representors that devlink shows of {pf}")
equal({row["index"]: row["representor"] for row in vfpool("vf", "list", "--pf", pf)}, expected, f"representors of {pf}")
run("devlink", "dev", "eswitch", "set", "netdevsim/netdevsim3", "mode", "legacy")
equal(vfpool("pf", "show", pf)["eswitchMode"], "legacy", f"switch mode of {pf}, afterwards")
equal({row["representor"] for row in vfpool("vf", "list", "--pf", pf)}, {None}, f"representors of {pf}, afterwards")

step("1000 VFs, where the list's 16-bit length wraps three times")
pf = netdevsim(1000, number=2)
for index in (0, 334, 335, 670, 999):
    run("ip", "link", "set", pf, "vf", str(index), "mac", f"52:54:00:00:{index >> 8:02x}:{index & 255:02x}")
for counters in ([], ["--counters"]):
    rows = vfpool("vf", "list", "--pf", pf, *counters)
    equal([row["index"] for row in rows], list(range(1000)), f"VFs of {pf}")
    check(all(row["isComplete"] for row in rows), "a VF that could not be read")
    for index in (0, 334, 335, 670, 999):
        equal(rows[index]["mac"], f"52:54:00:00:{index >> 8:02x}:{index & 255:02x}", f"MAC of VF {index}")
vfpool_text("vf", "set", f"{pf}/*", "--max-tx-rate", "77")
equal({row["maxTxRate"] for row in vfpool("vf", "list", "--pf", pf)}, {77}, "rates")
