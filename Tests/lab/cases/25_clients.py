"""Other libvirt clients as they come: virt-install, virt-xml, virsh edit, attach-interface and attach-device."""

# soak
# timeout: 1800
from vfpoollab import *


def virt(tool, *arguments):
    return run(tool, *arguments, timeout=60)


def virt_install(name, *devices):
    """A guest with the tiny Linux, which answers when a device is to be taken from it; started at once."""
    virt(
        "virt-install", "--virt-type", "qemu", "--name", name, "--memory", "128", "--vcpus", "1", "--machine", "q35",
        "--osinfo", "detect=off,require=off", "--import", "--disk", "none", "--graphics", "none", "--noautoconsole",
        "--memballoon", "none", "--serial", f"file,path={console_log(name)}", "--boot",
        f"kernel={IMAGES}/vmlinuz,initrd={IMAGES}/guest.initrd,kernel_args='console=ttyS0 quiet ip=192.0.2.1 peer=192.0.2.2'",
        *devices)


def leases_of(name):
    return sorted((row["pool"], row["mac"], row["state"]) for row in vfpool("lease", "list") if row["guest"] == name)


def leased(name, *expected):
    """Waits for exactly these leases, (pool, MAC) each, all of them active and as libvirt's ports and connections say."""
    wanted = sorted((pool, mac, "active") for pool, mac in expected)
    wait_until(lambda: leases_of(name) == wanted, 6, lambda: f"{name} has leases {wanted}, found {leases_of(name)}")
    for pool in active_networks():
        taken = [port for port in ports(pool).values() if port["owner"] != HOLD_OWNER]
        root = ET.fromstring(virsh("net-dumpxml", pool).stdout)
        equal(int(root.get("connections", 0)), len(ports(pool)), f"connections of {pool}")
        equal(sorted(port["mac"] for port in taken if port["owner"] == name),
              sorted(mac for of, mac in expected if of == pool), f"ports of {name} in {pool}")


def macs_of(name, inactive=False):
    xml = virsh("dumpxml", name, *(["--inactive"] if inactive else [])).stdout
    return [mac.get("address") for mac in ET.fromstring(xml).findall("devices/interface/mac")]


def edit(name, expression):
    run("env", f'EDITOR=sed -i -e "{expression}"', "virsh", "-q", "edit", name)


make_pool("one", [("enp1s0", None)], vf='trust="on"', inside="<portgroup name='green'><vlan><tag id='7'/></vlan></portgroup>")
make_pool("two", [("enp2s0", "0-3")])
baseline = without_mac(vf_state("enp1s0", 0))

step("virt-install --network network=one")
virt_install("inst", "--network", "network=one")
[first] = macs_of("inst")
leased("inst", ("one", first))
equal(vf_state("enp1s0", 0)["trust"], True, "trust of the guest's VF")
wait_inside("inst", "GUEST-UP", timeout=30)

step("virsh attach-interface while it runs, and detach-interface")
second = "52:54:00:00:25:02"
virsh("attach-interface", "inst", "network", "two", "--mac", second, "--live")
leased("inst", ("one", first), ("two", second))
virsh("detach-interface", "inst", "hostdev", "--mac", second, "--live")
leased("inst", ("one", first))

step("virsh attach-device --live --config, detach-device")
third = "52:54:00:00:25:03"
nic = save("nic", f"<interface type='network'><mac address='{third}'/><source network='two'/></interface>")
virsh("attach-device", "inst", nic, "--config", "--live")
leased("inst", ("one", first), ("two", third))
equal(macs_of("inst", inactive=True), [first, third], "MACs in the definition")
virsh("detach-interface", "inst", "hostdev", "--mac", third, "--live")
leased("inst", ("one", first))

step("virt-xml: an update while it runs, and the definition")
fourth = "52:54:00:00:25:04"
virt("virt-xml", "inst", "--add-device", "--network", f"network=two,mac={fourth}", "--update")
leased("inst", ("one", first), ("two", fourth))
virt("virt-xml", "inst", "--remove-device", "--network", f"mac={third}", "--define")
virt("virt-xml", "inst", "--edit", f"mac={first}", "--network", "portgroup=green", "--define")
destroy("inst")
leased("inst")
wait_until(lambda: without_mac(vf_state("enp1s0", 0)) == baseline, 3, "enp1s0/0 is at its baseline")
start("inst")
leased("inst", *(("one" if mac == first else "two", mac) for mac in macs_of("inst")))
equal(vf_state("enp1s0", 0)["vlan"], 7, "VLAN that the portgroup gives")
destroy("inst")

step("virsh edit: the pool is named by hand")
define_guest("plain", "default")
edit("plain", "s/network='default'/network='two'/")
start("plain")
leased("plain", ("two", guest_mac("plain")))
destroy("plain")

step("virt-install --host-device: a VF that no pool has")
spare = vf_pci("enp2s0", 6)
virt_install("passed", "--network", "none", "--host-device", spare)
equal(driver_of(spare), "vfio-pci", f"driver of {spare}")
contains(vfpool_refused("device", "detach", spare), "passed", "the refusal names the guest")
equal(leases_of("passed"), [], "leases of a guest without a pool")
destroy("passed")
wait_until(lambda: driver_of(spare) == "igbvf", 3, f"{spare} is back with its driver")
nothing_to_do()

step("virsh attach-device of a pool's VF by its address, as a device and as a NIC: leased, and given to nobody else")
def rows_of(name):
    return {row["pci"]: row for row in vfpool("lease", "list") if row["guest"] == name}
def told(part):
    return [text for text in vfpool("status")["problems"] if part in text]
def is_free(pci):
    return (vf_row(pci)["state"], driver_of(pci)) == ("free", "igbvf")
def address_of(pci):
    return "<address type='pci' domain='0x{}' bus='0x{}' slot='0x{}' function='0x{}'/>".format(*re.split("[:.]", pci))
def let_go(name, pci):
    """What a guest's system does when it is asked for a device: machine type pc has ACPI's eject register for that."""
    xml = ET.fromstring(virsh("dumpxml", name).stdout)
    [place] = [pci_text(hostdev.find("address")) for hostdev in xml.findall("devices/hostdev")
               if pci_text(hostdev.find("source/address")) == pci]
    virsh("qemu-monitor-command", name, "--hmp", "o/w 0xae10 0")
    virsh("qemu-monitor-command", name, "--hmp", f"o/w 0xae08 {1 << int(place[8:10], 16)}")
virsh("define", save("fixed", f"""<domain type='qemu'><name>fixed</name><memory unit='MiB'>32</memory>
  <vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/><apic/></features>
  <devices><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>"""))
start("fixed")
device, vf = vf_pci("enp1s0", 0), vf_pci("enp2s0", 0)
clean = {pci: without_mac(vf_state(pf, 0)) for pf, pci in (("enp1s0", device), ("enp2s0", vf))}
hostdev = save("hostdev", f"""<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>
  <source>{address_of(device)}</source></hostdev>""")
fifth = "52:54:00:00:25:05"
nic = save("nic", f"""<interface type='hostdev' managed='yes'><mac address='{fifth}'/>
  <source>{address_of(vf)}</source></interface>""")
virsh("attach-device", "fixed", hostdev, "--live")
virsh("attach-device", "fixed", nic, "--live")
wait_until(lambda: set(rows_of("fixed")) == {device, vf}, 6, "both are leased")
# Of a plain device nobody knows the MAC.
unknown = rows_of("fixed")[device]["mac"]
leased("fixed", ("one", unknown), ("two", fifth))
equal([(row["state"], row["guest"]) for row in map(vf_row, (device, vf))], [("leased", "fixed")] * 2, "the VFs in vf list")
equal({port["pci"] for pool in ("one", "two") for port in ports(pool).values()}, {device, vf}, "the ports' VFs")
equal(vf_state("enp2s0", 0)["mac"], fifth, "MAC of the NIC's VF")
equal(without_mac(vf_state("enp1s0", 0)), clean[device], "the device's VF, to which nothing is written")
check(told("enp1s0/0: guest fixed runs without trust on"), f"status tells what it lacks: {vfpool('status')['problems']}")
equal(drifts(), [], "drifts")
define_guest("other", ["one", "two"])
start("other")
equal({(row["pf"], row["index"]) for row in rows_of("other").values()}, {("enp1s0", 1), ("enp2s0", 1)}, "VFs of another guest")
destroy("other")
wait_until(lambda: not rows_of("other"), 3, "other's leases are over")

step("virsh detach-device: once the guest has let it go the VF is as it was, and free; the other one when the guest stops")
for pf in PFS:
    run("ip", "link", "set", pf, "vf", "0", "trust", "on", "max_tx_rate", "100")
virsh("detach-device", "fixed", hostdev, "--live", ok=False)
equal(len(rows_of("fixed")), 2, "leases while the guest hasn't answered")
let_go("fixed", device)
leased("fixed", ("two", fifth))
wait_until(lambda: is_free(device), 6, "enp1s0/0 is free")
equal(without_mac(vf_state("enp1s0", 0)), clean[device], "enp1s0/0 after its return")
equal(told("enp1s0/0"), [], "problems of enp1s0/0")
destroy("fixed")
leased("fixed")
wait_until(lambda: is_free(vf), 6, "enp2s0/0 is free")
equal(without_mac(vf_state("enp2s0", 0)), clean[vf], "enp2s0/0 after the guest's stop")
equal(drifts(), [], "drifts at the end")
