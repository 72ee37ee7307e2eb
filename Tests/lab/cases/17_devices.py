"""`vfpool device`: names, IOMMU groups, a VF to vfio-pci and back, and what is refused because it is in use."""

# timeout: 900
from vfpoollab import *


def libvirt_name(pci):
    return "pci_" + pci.replace(":", "_").replace(".", "_")


def pci_of(pf):
    return link_name(f"/sys/class/net/{pf}/device")


def device(name):
    return vfpool("device", "show", name)


def refused(verb, name, *parts):
    """The verb is refused for this device, with all of these words, and changes no driver."""
    pci = device(name)["row"]["pci"]
    before = driver_of(pci)
    text = vfpool_refused("device", verb, name)
    for part in (pci, *parts):
        contains(text, part, f"device {verb} {name}")
    equal(driver_of(pci), before, f"driver of {pci} after a refused {verb}")


for pf in PFS:
    set_vf_count(pf, VFS_A_PF)
card, free = pci_of("enp1s0"), vf_pci("enp1s0", 6)

step("device list has what sysfs has, with lspci's names")
rows = {row["pci"]: row for row in vfpool("device", "list", "--all")}
equal(sorted(rows), sorted(os.listdir("/sys/bus/pci/devices")), "devices")
for pci, row in rows.items():
    folder = f"/sys/bus/pci/devices/{pci}"
    equal(row["libvirtName"], libvirt_name(pci), f"libvirt's name of {pci}")
    equal(row["driver"], driver_of(pci), f"driver of {pci}")
    equal(row["class"], read(f"{folder}/class")[2:6], f"class of {pci}")
    equal(row["vendor"], read(f"{folder}/vendor")[2:], f"vendor of {pci}")
    equal(row["device"], read(f"{folder}/device")[2:], f"device of {pci}")
    group = link_name(f"{folder}/iommu_group")
    equal(row["iommuGroup"], None if group is None else int(group), f"IOMMU group of {pci}")
    line = run("lspci", "-D", "-s", pci).stdout.strip()
    if row["vendorName"] and row["deviceName"]:
        contains(line, f"{row['className']}: {row['vendorName']} {row['deviceName']}", f"lspci's line of {pci}")
equal((rows[card]["kind"], rows[card]["netdevs"], rows[card]["numVFs"]), ("pf", ["enp1s0"], VFS_A_PF), "the igb card")
contains(rows[card]["deviceName"], "82576", "name of the igb card")
equal((rows[free]["kind"], rows[free]["pf"], rows[free]["vf"]), ("vf", card, "enp1s0/6"), "a VF")
known = set(virsh("nodedev-list", "--cap", "pci").stdout.split())
equal(sorted(known - {row["libvirtName"] for row in rows.values()}), [], "devices that only libvirt knows")
short = {row["pci"] for row in vfpool("device", "list")}
check({card, free} <= short, "the default list has cards and VFs")
check(not [pci for pci in short if rows[pci]["kind"] == "bridge"], "the default list has no bridges")
text = vfpool_text("device", "list").stdout
contains(text, card.removeprefix("0000:"), "the table's short addresses")
contains(text, libvirt_name(card), "the table's names of libvirt's")

step("device show, by every name that a VF has")
shown = device(free)
members = sorted(os.listdir(f"/sys/bus/pci/devices/{free}/iommu_group/devices"))
equal(sorted([shown["row"]["pci"]] + [other["row"]["pci"] for other in shown["companions"]]), members, "the VF's group")
equal(shown["row"]["iommuGroup"], int(link_name(f"/sys/bus/pci/devices/{free}/iommu_group")), "the VF's group")
equal(shown["row"]["inUse"], None, "use of the VF")
check(shown["libvirt"], "libvirt knows the VF")
equal(shown["libvirt"]["name"], libvirt_name(free), "libvirt's name of the VF")
for name in ("enp1s0/6", free.removeprefix("0000:"), libvirt_name(free)):
    equal(device(name)["row"]["pci"], free, f"device show {name}")
equal(device("enp1s0")["row"]["pci"], card, "device show enp1s0")
contains(vfpool_text("device", "show", free).stdout, "IOMMU group", "device show for people")
contains(vfpool_refused("device", "show", "0000:7f:1f.7"), "0000:7f:1f.7", "an unknown device")

step("a free VF goes to vfio-pci and comes back")
change = vfpool("device", "detach", free)
equal(driver_of(free), "vfio-pci", f"driver of {free} after detach")
equal((change["row"]["driver"], change["done"]), ("vfio-pci", "is on vfio-pci now, was on igbvf"), "what detach says")
equal(change["notes"], [], "notes of detach")
contains(vfpool_text("device", "detach", free).stdout, "already", "detach of a detached VF")
contains(vfpool_text("device", "reset", free).stdout, "whenever a guest gets it", "reset of a detached VF")

step("a process that has its vfio group open is named")
group = shown["row"]["iommuGroup"]
with open(f"/dev/vfio/{group}", "r+b", buffering=0):
    for verb in ("reattach", "detach", "reset"):
        refused(verb, free, f"process {os.getpid()}")
change = vfpool("device", "reattach", libvirt_name(free))
equal(driver_of(free), "igbvf", f"driver of {free} after reattach")
equal(change["row"]["driver"], "igbvf", "what reattach says")
wait_until(lambda: netdev_of(free), 3, "the VF has an interface again")
contains(vfpool_text("device", "reattach", free).stdout, "already", "reattach of what is back")
contains(vfpool_text("device", "reset", free).stdout, "0000:", "reset of a free VF")

step("several at once, and none when one is in use")
others = [vf_pci("enp2s0", index) for index in (4, 5)]
equal([row["row"]["driver"] for row in vfpool("device", "detach", *others)], ["vfio-pci"] * 2, "two VFs detached")
vfpool("device", "reattach", *others)
equal([driver_of(pci) for pci in others], ["igbvf"] * 2, "two VFs reattached")
text = vfpool_refused("device", "detach", others[0], card)
contains(text, card, "the refusal names the card")
equal(driver_of(others[0]), "igbvf", "driver of the VF that was named before the card")

step("refused: a PF with VFs")
refused("detach", "enp1s0", f"has {VFS_A_PF} VFs", "vfpool pf set-vfs enp1s0 0")
refused("reset", "enp1s0", f"has {VFS_A_PF} VFs")

step("refused: an interface with an address, in a bridge, with another one on it")
run("udevadm", "settle")
netdev = wait_until(lambda: netdev_of(free), 3, "the VF has an interface")
run("ip", "address", "add", "198.51.100.7/24", "dev", netdev)
run("ip", "link", "set", netdev, "up")
refused("detach", free, "198.51.100.7")
refused("reset", free, f"interface {netdev} up")
run("ip", "address", "flush", "dev", netdev)
run("ip", "link", "set", netdev, "down")
run("ip", "link", "add", "bridge0", "type", "bridge")
run("ip", "link", "set", netdev, "master", "bridge0")
refused("detach", free, "bridge bridge0")
run("ip", "link", "set", netdev, "nomaster")
run("ip", "link", "add", "link", netdev, "name", "over0", "type", "macvlan", "mode", "bridge")
refused("detach", free, "macvlan over0")
run("ip", "link", "del", "over0")

step("refused: what a guest of a pool has, and what a pool may hand out")
make_pool("devices", [("enp1s0", "0-3")])
define_guest("a", "devices")
start("a")
leased = active_lease("a")["pci"]
for verb in ("detach", "reattach", "reset"):
    refused(verb, leased, "leased to guest a")
refused("detach", "enp1s0", "to guest a", "pool devices")
refused("detach", "enp1s0/3", "belongs to pool devices")
equal(device(leased)["row"]["guest"], "a", "guest of the leased VF")
check(is_running("a"), "the guest goes on")
destroy("a")
wait_until(lambda: lease_of("a") is None, 3, "a's lease is over")
vfpool_text("pool", "remove", "devices")

step("refused: a VF that a guest outside of pools has")
address = "domain='0x{}' bus='0x{}' slot='0x{}' function='0x{}'".format(*re.split("[:.]", free))
xml = f"""<domain type='qemu'><name>b</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/><apic/></features>
  <devices><hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>
    <source><address {address}/></source></hostdev><memballoon model='none'/></devices></domain>"""
virsh("define", save("b", xml))
start("b")
for verb in ("detach", "reattach", "reset"):
    refused(verb, free, "running guest b")
destroy("b")
wait_until(lambda: driver_of(free) == "igbvf", 3, "the VF is back")

step("refused: the card that carries the default route, itself or below a bridge")
for pf in PFS:
    set_vf_count(pf, 0)
try:
    run("ip", "address", "add", "192.0.2.5/24", "dev", "enp1s0")
    run("ip", "link", "set", "enp1s0", "up")
    run("ip", "route", "add", "default", "via", "192.0.2.1", "dev", "enp1s0")
    refused("detach", "enp1s0", "default route on enp1s0 (IPv4)")
    refused("reset", card, "default route")
    contains(device("enp1s0")["row"]["inUse"], "default route", "use of the card")
finally:
    run("ip", "route", "del", "default", "dev", "enp1s0", ok=False)
    run("ip", "address", "flush", "dev", "enp1s0")
run("ip", "link", "add", "bridge0up", "type", "bridge")
try:
    run("ip", "link", "set", "bridge0up", "up")
    run("ip", "link", "set", "enp1s0", "master", "bridge0up")
    run("ip", "address", "add", "192.0.2.5/24", "dev", "bridge0up")
    run("ip", "route", "add", "default", "via", "192.0.2.1", "dev", "bridge0up")
    refused("detach", "enp1s0", "IPv4 through bridge bridge0up", "in bridge bridge0up")
finally:
    run("ip", "link", "del", "bridge0up")
run("ip", "link", "del", "bridge0")

step("refused: the disk controller of the root file system, and bridges")
number = re.search(r"^\S+ \S+ (\d+:\d+) \S+ / ", read("/proc/1/mountinfo"), re.MULTILINE).group(1)
controller = re.findall(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", os.path.realpath(f"/sys/dev/block/{number}"))[-1]
refused("detach", controller, "is mounted on /", "unmount")
refused("reset", controller, "is mounted on /")
contains(vfpool_text("device", "show", controller).stdout, "is mounted on /", "use of the disk controller")
bridge = next(row["pci"] for row in rows.values() if row["kind"] == "bridge")
refused("detach", bridge, "is a bridge")

step("a whole card without VFs goes and comes back")
run("ip", "link", "set", "enp2s0", "down")
second = pci_of("enp2s0")
vfpool_text("device", "detach", "enp2s0")
equal(driver_of(second), "vfio-pci", "driver of enp2s0's card")
vfpool_text("device", "reattach", second)
equal(driver_of(second), "igb", "driver of enp2s0's card")
wait_until(lambda: netdev_of(second) == "enp2s0", 6, "enp2s0 is back under its name")
wait_until(lambda: [row for row in vfpool("pf", "list") if row["name"] == "enp2s0"], 3, "vfpool knows enp2s0 again")
wait_until(lambda: read("/sys/class/net/enp2s0/operstate") == "up", 6, "enp2s0 is up again")

step("nothing of pci.ids stays in vfpoold's memory")
def resident():
    return int(re.search(r"^Rss:\s+(\d+)", read(f"/proc/{main_pid('vfpoold')}/smaps_rollup"), re.MULTILINE).group(1))
vfpool("device", "list")
before = resident()
for _ in range(20):
    vfpool("device", "list", "--all")
check(resident() - before < 2048, f"vfpoold grew from {before} to {resident()} KiB over 20 lists")
maps = read(f"/proc/{main_pid('vfpoold')}/maps")
check("pci.ids" not in maps, "pci.ids is still mapped")
