"""`vfpool guest attach` and `detach`: VFs and devices in and out of running guests and definitions, and who has what."""

# soak
# timeout: 2400
from vfpoollab import *


PAIR = "52:54:00:00:22:01"


def define(name, ports=0, kernel=False, nics="", machine="q35", hotplug="on"):
    """A guest with so many PCI ports that nothing but its NICs takes at its start; one of type pc has its root bus alone."""
    boot = boot_linux() if kernel else ""
    root = "pcie-root" if machine == "q35" else "pci-root"
    target = "" if hotplug == "on" else f"<target hotplug='{hotplug}'/>"
    controllers = f"<controller type='pci' model='{root}'>{target}</controller>"
    controllers += "<controller type='pci' model='pcie-root-port'/>" * ports
    virsh("define", save(name, f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>{128 if kernel else 32}</memory>
  <vcpu>1</vcpu><os><type arch='x86_64' machine='{machine}'>hvm</type>{boot}</os><features><acpi/><apic/></features>
  <devices>{controllers}{nics}<controller type='usb' model='none'/>
    <serial type='file'><source path='{console_log(name)}'/></serial><memballoon model='none'/></devices></domain>"""))


def attach(*arguments):
    return vfpool("guest", "attach", *arguments)


def devices(name):
    return next(guest for guest in vfpool("guest", "list") if guest["name"] == name)["devices"]


def inside(name, *flags):
    """Types of the interfaces in a guest's XML."""
    xml = ET.fromstring(virsh("dumpxml", name, *flags).stdout)
    return [interface.get("type") for interface in xml.findall("devices/interface")]


def of_guest(name):
    return [row for row in vfpool("lease", "list") if row["guest"] == name]


def active(name):
    """The active lease of a guest that has other NICs, too."""
    rows = wait_until(lambda: [row for row in of_guest(name) if row["state"] == "active"], 10, f"{name}'s lease is active")
    nics = ET.fromstring(virsh("dumpxml", name).stdout).findall("devices/interface[@type='hostdev']")
    equal([(row["mac"], row["pci"]) for row in rows],
          [(nic.find("mac").get("address"), pci_text(nic.find("source/address"))) for nic in nics], f"{name}'s NICs")
    return rows[0]


def definition(name):
    return virsh("dumpxml", name, "--inactive").stdout


make_pool("plug", [("enp1s0", None)], vf='trust="on" spoofchk="off" maxTxRate="400"', inside='<vlan><tag id="42"/></vlan>')
before = vf_states("enp1s0")

step("a running guest gets a VF, with the pool's settings, its lease and its port")
define("a", ports=1)
start("a")
change = attach("a", "--pool", "plug", "--live")
lease = active_lease("a")
equal((lease["pci"], lease["mac"]), (change["device"]["pci"], change["device"]["mac"]), "lease and answer")
state = vf_state(lease["pf"], lease["index"])
equal((state["mac"], state["trust"], state["vlan"]), (lease["mac"], True, 42), "the VF's settings")
equal(state["maxTxRate"], 400, "the VF's rate")
equal([(port["owner"], port["pci"]) for port in ports("plug").values()], [("a", lease["pci"])], "libvirt's ports")
equal(driver_of(lease["pci"]), "vfio-pci", "driver of the VF")
equal(devices("a"), [change["device"]], "guest list")
equal(inside("a", "--inactive"), [], "the definition's interfaces")

step("libvirt gives the claimed VF to nobody else")
define_guest("b", "plug")
start("b")
check(active_lease("b")["pci"] != lease["pci"], "b has a's VF")
destroy("b")

step("no place is left: the port to add is named, and nothing changes")
text = vfpool_refused("guest", "attach", "a", "--pool", "plug", "--live")
contains(text, "pcie-root-port", "the refusal")
equal(len(ports("plug")), 1, "ports after the refusal")

step("a guest without a system ignores the request, and keeps its lease")
text = vfpool_refused("guest", "detach", "a", "--mac", lease["mac"], "--timeout", "8")
contains(text, "keeps it with its lease", "what detach says")
equal(active_lease("a")["pci"], lease["pci"], "a's VF")
equal(devices("a")[0]["leaving"], True, "guest list while the guest hasn't answered")

step("its stop returns the VF")
destroy("a")
wait_until(lambda: lease_of("a") is None, 6, "a's lease is over")
wait_until(lambda: not ports("plug"), 6, "a's port is gone")
index = lease["index"]
equal(without_mac(vf_states("enp1s0")[index]), without_mac(before[index]), "the VF's state")
wait_until(lambda: driver_of(lease["pci"]) == "igbvf", 6, "the VF is back at its driver")

step("the definition of a guest names the pool; it gets a VF at its start")
mac = attach("a", "--pool", "plug")["device"]["mac"]
equal(inside("a", "--inactive"), ["network"], "the definition's interfaces")
equal(lease_of("a"), None, "a's lease before its start")
start("a")
equal(active_lease("a")["mac"], mac, "a's MAC")
destroy("a")
wait_until(lambda: lease_of("a") is None, 6, "a's lease is over")
vfpool("guest", "detach", "a", "--mac", mac)
equal(inside("a", "--inactive"), [], "the definition's interfaces")

step("machine type pc: a NIC at its start, and one more on its root bus while it runs")
nic = "<interface type='network'><source network='plug'/></interface>"
define("p", machine="pc", nics=nic)
start("p")
first = active_lease("p")
change = attach("p", "--pool", "plug", "--live")
rows = of_guest("p")
equal({(row["mac"], row["pci"], row["state"]) for row in rows},
      {(of["mac"], of["pci"], "active") for of in (first, change["device"])}, "leases of p")
equal({(port["owner"], port["pci"]) for port in ports("plug").values()}, {("p", row["pci"]) for row in rows}, "ports")
equal(vf_state(change["device"]["pf"], change["device"]["index"])["trust"], True, "trust of the second VF")
places = [pci_text(address) for address in
          ET.fromstring(virsh("dumpxml", "p").stdout).findall("devices/interface/address")]
equal([place[:7] for place in places], ["0000:00"] * 2, "buses of the NICs in p")
destroy("p")
wait_until(lambda: not of_guest("p") and not ports("plug"), 6, "p's leases and ports are gone")
for row in rows:
    equal(without_mac(vf_state("enp1s0", row["index"])), without_mac(before[row["index"]]), f"enp1s0/{row['index']} afterwards")
wait_until(lambda: {driver_of(row["pci"]) for row in rows} == {"igbvf"}, 6, "the VFs are back at their driver")

step("its root bus takes nothing where that is switched off: the bridge to add is named, and nothing changes")
undefine("p")
define("p", machine="pc", nics=nic, hotplug="off")
start("p")
only = active_lease("p")
text = vfpool_refused("guest", "attach", "p", "--pool", "plug", "--live")
contains(text, "pci-bridge", "the refusal")
equal((of_guest("p"), len(ports("plug"))), ([only], 1), "leases and ports after the refusal")
destroy("p")
wait_until(lambda: not of_guest("p"), 6, "p's lease is over")

step("a guest with a system lets the VF go")
define("c", ports=3, kernel=True, nics=f"""<interface type='user'><mac address='{PAIR}'/><model type='virtio'/>
  <teaming type='persistent'/><alias name='ua-pair'/></interface>""")
start("c")
wait_inside("c", "GUEST-UP")
change = attach("c", "--pool", "plug", "--live", "--config")
equal((change["device"]["live"], change["device"]["config"]), (True, True), "where the NIC is")
lease = active("c")
equal((lease["pci"], lease["mac"]), (change["device"]["pci"], change["device"]["mac"]), "lease and answer")
change = vfpool("guest", "detach", "c", "--mac", lease["mac"], "--live", "--config", "--timeout", "300")
contains(change["done"], f"runs without VF enp1s0/{lease['index']}", "what detach says")
equal((lease_of("c"), ports("plug")), (None, {}), "lease and port")
equal((inside("c"), inside("c", "--inactive")), (["user"], ["user"]), "interfaces")
equal(vfpool("lease", "history", "--mac", lease["mac"])[0]["reason"], "detached", "why the lease ended")
equal(driver_of(lease["pci"]), "igbvf", "driver of the VF")

step("a VF becomes the faster half of a fail-over pair, and leaves it")
def teaming(*flags):
    interfaces = ET.fromstring(virsh("dumpxml", "c", *flags).stdout).findall("devices/interface")
    return [(nic.get("type"), nic.find("mac").get("address"), dict(nic.find("teaming").attrib)) for nic in interfaces]
def shown_vfs():
    return virsh("qemu-monitor-command", "c", "--hmp", "info pci").stdout.count("PCI device 8086:10ca")
slow = ("user", PAIR, {"type": "persistent"})
fast = {"type": "transient", "persistent": "ua-pair"}
defined = definition("c")
change = attach("c", "--pool", "plug", "--teaming", PAIR, "--live")
lease = active("c")
equal((lease["mac"], lease["pci"]), (PAIR, change["device"]["pci"]), "c's lease")
state = vf_state(lease["pf"], lease["index"])
equal((state["mac"], state["trust"], state["vlan"]), (PAIR, True, 42), "the VF's settings")
equal(teaming(), [slow, ("hostdev", PAIR, fast)], "the pair as c runs")
equal(definition("c"), defined, "c's definition")
# Until the guest's driver has said that it knows of such pairs, the machine hides the VF.
wait_until(lambda: shown_vfs() == 1, 6, "the guest's machine shows the VF")
contains(vfpool_refused("guest", "attach", "c", "--pool", "plug", "--teaming", PAIR, "--live"), "stand-in already", "a second")
change = vfpool("guest", "detach", "c", "--mac", PAIR, "--live", "--timeout", "300")
contains(change["done"], f"runs without VF enp1s0/{lease['index']}", "what detach says")
equal((lease_of("c"), ports("plug"), teaming()), (None, {}, [slow]), "lease, port and NICs")
equal(without_mac(vf_state("enp1s0", lease["index"])), without_mac(before[lease["index"]]), "the VF's state")

step("the same in its definition")
attach("c", "--pool", "plug", "--teaming", PAIR, "--config")
equal(teaming("--inactive"), [slow, ("network", PAIR, fast)], "the pair in c's definition")
equal((teaming(), lease_of("c")), ([slow], None), "c as it runs")
vfpool("guest", "detach", "c", "--mac", PAIR, "--config")
equal(definition("c"), defined, "c's definition")

step("a libvirtd that is killed meanwhile leaves nothing behind")
attach("c", "--pool", "plug", "--live")
run("systemctl", "kill", "--signal=KILL", "libvirtd")
run("systemctl", "restart", "libvirtd", timeout=60)
wait_until(lambda: vfpool("status")["libvirtConnected"], 10, "vfpoold is connected")
active("c")
destroy("c")
wait_until(lambda: lease_of("c") is None and not ports("plug"), 10, "c's lease and port are gone")

step("a port profile goes into the definition as it is; what its card can't do is libvirt's to say, and leaves nothing")
make_pool("profiled", [("enp2s0", "4-6")])
clean = {index: without_mac(state) for index, state in vf_states("enp2s0").items()}
def is_clean(what):
    equal((of_guest("a"), ports("profiled")), ([], {}), f"{what}: leases and ports")
    equal({index: without_mac(state) for index, state in vf_states("enp2s0").items()}, clean, f"{what}: VFs")
    equal({driver_of(vf_pci("enp2s0", index)) for index in clean}, {"igbvf"}, f"{what}: drivers")
defined = definition("a")
mac = attach("a", "--pool", "profiled", "--profile", "web", "--config")["device"]["mac"]
[interface] = ET.fromstring(definition("a")).findall("devices/interface")
equal((interface.get("type"), interface.find("source").get("network")), ("network", "profiled"), "the NIC")
equal((interface.find("virtualport").get("type"), interface.find("virtualport/parameters").attrib),
      ("802.1Qbh", {"profileid": "web"}), "its port profile")
check(start("a", ok=False).returncode != 0, "a card without 802.1Qbh takes a port profile")
wait_until(lambda: not of_guest("a"), 6, "the lease of the start that failed is over")
is_clean("after the start that failed")
vfpool("guest", "detach", "a", "--mac", mac, "--config")
equal(definition("a"), defined, "a's definition")
start("a")
text = vfpool_refused("guest", "attach", "a", "--pool", "profiled", "--profile", "web", "--live", "--config")
contains(text, "was not attached to guest a, and all is as it was", "what attach says")
is_clean("after the attach that failed")
equal((inside("a"), definition("a")), ([], defined), "a's NICs and definition")
contains(vfpool_refused("guest", "attach", "a", "--pool", "plug", "--profile", "web", "--config"), "VLAN 42", "with a VLAN")
destroy("a")

step("a VF outside of pools as a device, and what is refused")
define("d", ports=2)
start("d")
free = vf_pci("enp2s0", 3)
change = attach("d", "--device", free, "--live")
equal(change["device"]["kind"], "hostdev", "how d has it")
equal(driver_of(free), "vfio-pci", "driver of the device")
contains(vfpool_refused("guest", "attach", "d", "--device", "enp1s0/5", "--live"), "--pool plug", "a pool's VF")
contains(vfpool_refused("guest", "attach", "d", "--device", "enp2s0", "--live"), "VFs, which would go", "a card")
contains(vfpool_refused("guest", "attach", "d", "--pool", "plug", "--vlan", "1,2", code=2), "not a trunk", "a trunk")
destroy("d")
wait_until(lambda: driver_of(free) == "igbvf", 6, "the device is back")

step("a slot with several functions goes into the definition as one")
slot = [vf_pci("enp2s0", index) for index in range(4)]
equal([pci[:-1] for pci in slot], [slot[0][:-1]] * 4, "the slot of the VFs")
text = vfpool_refused("guest", "attach", "d", "--device", slot[1], "--multifunction", "--live", code=2)
contains(text, "definition only", "while it runs")
contains(attach("d", "--device", slot[1], "--multifunction")["done"], ", ".join(slot), "what attach says")
start("d")
places = [pci_text(hostdev.find("address")) for hostdev in
          ET.fromstring(virsh("dumpxml", "d").stdout).findall("devices/hostdev")]
equal({place[:-1] for place in places}, {places[0][:-1]}, "the guest's slot")
equal([place[-1] for place in places], [pci[-1] for pci in slot], "functions in the guest")
# The machine's firmware has to find them first.
wait_until(lambda: virsh("qemu-monitor-command", "d", "--hmp", "info pci").stdout.count("PCI device 8086:10ca") == 4, 6,
           "the guest's machine shows 4 VFs")
equal([driver_of(pci) for pci in slot], ["vfio-pci"] * 4, "drivers of the VFs")
contains(vfpool_refused("guest", "detach", "d", "--device", slot[1], "--live"), "in one slot", "a function by itself")
contains(vfpool_refused("guest", "detach", "d", "--device", slot[0], "--config"),
         "detach those first: " + ", ".join(slot[1:]), "the first function")
destroy("d")
wait_until(lambda: [driver_of(pci) for pci in slot] == ["igbvf"] * 4, 6, "the VFs are back")
for pci in reversed(slot):
    vfpool("guest", "detach", "d", "--device", pci, "--config")
equal(devices("d"), [], "what d still has")

step("and comes and goes again and again, without a port more each time")
def root_ports():
    return definition("d").count("model='pcie-root-port'")
counts = [root_ports()]
for _ in range(3):
    attach("d", "--device", slot[0], "--multifunction")
    for pci in reversed(slot):
        vfpool("guest", "detach", "d", "--device", pci, "--config")
    counts.append(root_ports())
check(counts[-1] <= counts[0] + 1, f"root ports in d's definition, round by round: {counts}")
for name in "abcdp":
    undefine(name)
