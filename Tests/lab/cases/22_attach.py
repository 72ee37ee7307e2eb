"""`vfpool guest attach` and `detach`: VFs and devices in and out of running guests and definitions, and who has what."""

# timeout: 2400
from vfpoollab import *


def define(name, ports, kernel=False, nics=""):
    """A guest with so many PCI ports that nothing takes at its start."""
    boot = ""
    if kernel:
        images = "/var/lib/libvirt/images"
        boot = f"<kernel>{images}/vmlinuz</kernel><initrd>{images}/guest.initrd</initrd><cmdline>console=ttyS0 quiet</cmdline>"
    controllers = "".join("<controller type='pci' model='pcie-root-port'/>" for _ in range(ports))
    virsh("define", save(name, f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>{128 if kernel else 32}</memory>
  <vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type>{boot}</os><features><acpi/><apic/></features>
  <devices><controller type='pci' model='pcie-root'/>{controllers}{nics}<controller type='usb' model='none'/>
    <serial type='file'><source path='{console_log(name)}'/></serial><memballoon model='none'/></devices></domain>"""))


def attach(*arguments):
    return vfpool("guest", "attach", *arguments)


def devices(name):
    return next(guest for guest in vfpool("guest", "list") if guest["name"] == name)["devices"]


def inside(name, *flags):
    """Types of the interfaces in a guest's XML."""
    xml = ET.fromstring(virsh("dumpxml", name, *flags).stdout)
    return [interface.get("type") for interface in xml.findall("devices/interface")]


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

step("a guest with a system lets the VF go")
define("c", ports=2, kernel=True)
start("c")
wait_for_console("c", r"GUEST-UP|#|init", timeout=120)
change = attach("c", "--pool", "plug", "--live", "--config")
equal((change["device"]["live"], change["device"]["config"]), (True, True), "where the NIC is")
lease = active_lease("c")
change = vfpool("guest", "detach", "c", "--mac", lease["mac"], "--live", "--config", "--timeout", "300")
contains(change["done"], f"runs without VF enp1s0/{lease['index']}", "what detach says")
equal((lease_of("c"), ports("plug")), (None, {}), "lease and port")
equal((inside("c"), inside("c", "--inactive")), ([], []), "interfaces")
equal(vfpool("lease", "history", "--mac", lease["mac"])[0]["reason"], "detached", "why the lease ended")
equal(driver_of(lease["pci"]), "igbvf", "driver of the VF")

step("a libvirtd that is killed meanwhile leaves nothing behind")
attach("c", "--pool", "plug", "--live")
run("systemctl", "kill", "--signal=KILL", "libvirtd")
run("systemctl", "restart", "libvirtd", timeout=60)
wait_until(lambda: vfpool("status")["libvirtConnected"], 10, "vfpoold is connected")
active_lease("c", patience=10)
destroy("c")
wait_until(lambda: lease_of("c") is None and not ports("plug"), 10, "c's lease and port are gone")

step("a VF outside of pools as a device, and what is refused")
set_vf_count("enp2s0", 4)
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
for name in "abcd":
    undefine(name)
