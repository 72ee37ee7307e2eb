"""What goes wrong behind vfpool's back, by foreign tools, is listed by `reconcile --plan`, repaired, and gone."""

# timeout: 1800
from vfpoollab import *


def repairs_since(moment):
    return run("journalctl", "-u", "vfpoold", "--since", f"@{int(moment)}", "-o", "cat").stdout


def repaired(what, make, repair=True):
    """Makes a drift. Most are told by events and are repaired before anyone can ask for the plan: then the journal has
    it. The repair is awaited, or asked for."""
    step(what)
    moment = time.time()
    make()

    def is_listed():
        return any(what in text for text in drifts()) or any(
            "repaired: " in line and what in line for line in repairs_since(moment).splitlines())

    wait_until(is_listed, 6, lambda: f"“{what}” is listed or repaired; the plan is {drifts()}")
    if repair:
        wait_until(lambda: run("vfpool", "reconcile", ok=False).returncode == 0, 3, "reconcile works")
    nothing_to_do()


def ports_of(pool):
    return {uuid: (port["owner"], port["pci"]) for uuid, port in ports(pool).items()}


def may_start(name):
    """A guest starts and stops: libvirt counts rightly what is taken."""
    start(name)
    active_lease(name)
    destroy(name)
    wait_until(lambda: lease_of(name) is None, 3, f"{name}'s lease is over")


text = netdef("one", [("enp1s0", None)], vf='trust="on" maxTxRate="100"')
vfpool("pool", "apply", save("one", text.replace('pool:1">', 'pool:1" enforce="yes">')))
make_pool("two", [("enp2s0", None)])
for name in ("a", "b", "c"):
    define_guest(name, "one")
start("a")
start("b")
leases = {name: active_lease(name) for name in ("a", "b")}
free = vf_pci("enp1s0", 5)
baseline = without_mac(vf_state("enp1s0", 5))
before = ports_of("one")
equal(drifts(), [], "drifts at the start")

repaired(
    f"free VF {free} is off its baseline",
    lambda: run("ip", "link", "set", "enp1s0", "vf", "5", "trust", "on", "spoofchk", "off", "max_tx_rate", "77", "mac",
                leases["a"]["mac"]))
equal(without_mac(vf_state("enp1s0", 5)), baseline, "enp1s0/5")
check(vf_state("enp1s0", 5)["mac"] != leases["a"]["mac"], "enp1s0/5 kept a guest's MAC")

repaired(
    f"{vf_pci('enp1s0', 0)} was changed under guest a",
    lambda: run("ip", "link", "set", "enp1s0", "vf", "0", "trust", "off"))
equal(vf_state("enp1s0", 0)["trust"], True, "trust of enp1s0/0")

hold = f"""<networkport><uuid>11111111-2222-4333-8444-555555555555</uuid>
<owner><name>{HOLD_OWNER}</name><uuid>76667f00-6c64-4000-8000-7666706f6f6c</uuid></owner><mac address='02:00:00:00:00:01'/>
<plug type='hostdev-pci' managed='yes'><driver name='vfio'/>
<address domain='0x0000' bus='0x01' slot='0x11' function='0x2'/></plug></networkport>"""


def make_hold():
    import libvirt
    connection = libvirt.open("network:///system")
    connection.networkLookupByName("one").portCreateXML(hold, libvirt.VIR_NETWORK_PORT_CREATE_RECLAIM)
    connection.close()


repaired("is needed by no start", make_hold)
equal(ports_of("one"), before, "ports once the hold is dropped")

repaired(f"free VF {free} is bound to vfio-pci",
         lambda: virsh("nodedev-detach", "pci_" + free.replace(":", "_").replace(".", "_")))
equal(driver_of(free), "igbvf", f"driver of {free}")


def restart_network():
    virsh("net-destroy", "one")
    virsh("net-start", "one")


vfpool_text("vf", "quarantine", "enp1s0/6", "--why", "a test")
wait_until(lambda: len(holds("one")) == 1, 3, "the quarantined VF is parked")
repaired("lost the port of running guest a", restart_network)
equal({uuid: port for uuid, port in ports_of("one").items() if uuid in before}, before, "ports of the guests")
equal([hold["pci"] for hold in holds("one")], [vf_pci("enp1s0", 6)], "holds")
vfpool_text("vf", "unquarantine", "enp1s0/6")
may_start("c")

for what, make in (
    ("net-update", lambda: virsh("net-update", "one", "add", "portgroup", "<portgroup name='x'/>", "--live")),
    ("a reload", lambda: run("systemctl", "reload", "libvirtd"))):
    step(f"counts that are lost by {what}")
    repaired("libvirt has lost count of the VFs that are taken in pool one", make)
    equal(ports_of("one"), before, f"ports after {what}")
    root = ET.fromstring(virsh("net-dumpxml", "one").stdout)
    equal(root.get("connections"), "2", "connections that libvirt counts")
    may_start("c")

repaired("the VFs of PF enp2s0 are gone", lambda: write("/sys/class/net/enp2s0/device/sriov_numvfs", 0))
equal(vf_count("enp2s0"), VFS_A_PF, "VFs of enp2s0")

step("a guest killed, two in one moment")
start("c")
active_lease("c")
pids = [int(read(f"/run/libvirt/qemu/{name}.pid")) for name in ("b", "c")]
for pid in pids:
    os.kill(pid, signal.SIGKILL)
wait_until(lambda: [row["guest"] for row in vfpool("lease", "list")] == ["a"], 6, "only a has a lease")
for index in (1, 2):
    wait_until(lambda: without_mac(vf_state("enp1s0", index)) == baseline, 3, f"enp1s0/{index} is at its baseline")
nothing_to_do()

step("libvirtd killed")
run("systemctl", "kill", "-s", "KILL", "libvirtd")
wait_until(lambda: is_active("libvirtd"), 6, "libvirtd is back")
wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "vfpoold is connected to libvirt")
nothing_to_do()
equal(active_lease("a"), leases["a"], "a's lease")
may_start("b")

step("libvirt's state files deleted: its networks' ports, and what it would restore")
run("systemctl", "stop", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket", "libvirtd")
for path in glob.glob("/run/libvirt/network/*") + glob.glob("/run/libvirt/hostdevmgr/*"):
    run("rm", "-r", path)
run("systemctl", "start", "libvirtd.socket", "libvirtd")
wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "vfpoold is connected to libvirt")
wait_until(lambda: "one" in active_networks(), 6, "network one is active")
nothing_to_do()
equal(active_lease("a"), leases["a"], "a's lease")
may_start("b")
# libvirtd 9.0 crashes here now and then, and now and then it takes a's VF for a's for good. Then nobody gets that until
# libvirtd is restarted.
destroy("a", ok=False)
wait_until(lambda: not is_running("a") and vfpool("status")["libvirtConnected"], 6, "a is gone, and libvirtd is there")
wait_until(lambda: lease_of("a") is None, 6, "a's lease is over")
wait_until(lambda: without_mac(vf_state("enp1s0", 0)) == baseline, 3, "enp1s0/0 is at its baseline")
check(vf_state("enp1s0", 0)["mac"] != leases["a"]["mac"], "enp1s0/0 kept a's MAC")
nothing_to_do()
if driver_of(vf_pci("enp1s0", 0)) == "vfio-pci":
    told = [text for text in vfpool("status")["problems"] if "`systemctl restart libvirtd`" in text]
    equal([vf_pci("enp1s0", 0) in text for text in told], [True], f"status tells of the lost VF once: {told}")
    equal([hold["pci"] for hold in holds("one")], [vf_pci("enp1s0", 0)], "the lost VF is parked")
    may_start("b")
run("systemctl", "restart", "libvirtd")
wait_until(lambda: driver_of(vf_pci("enp1s0", 0)) == "igbvf", 6, "enp1s0/0 is back with its driver")
wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "vfpoold is connected to libvirt")
wait_until(lambda: drifts() == [] and not holds("one"), 6, lambda: f"nothing is left to do, found {drifts()}")

step("VFs without a driver")
run("modprobe", "-r", "igbvf")
equal(driver_of(free), None, f"driver of {free}")
nothing_to_do()
start("a")
active_lease("a")
destroy("a")
run("modprobe", "igbvf")
wait_until(lambda: driver_of(free) == "igbvf", 3, f"{free} has its driver")
wait_until(lambda: not vfpool("lease", "list"), 6, "all leases are over")
nothing_to_do()

step("a port that libvirt keeps of a guest that is gone")
start("b")
lease = active_lease("b")
run("systemctl", "stop", "vfpoold")
[uuid] = ports_of("one")
xml = virsh("net-port-dumpxml", "one", uuid).stdout
destroy("b")


def leave_port():
    import libvirt
    connection = libvirt.open("network:///system")
    connection.networkLookupByName("one").portCreateXML(xml, libvirt.VIR_NETWORK_PORT_CREATE_RECLAIM)
    connection.close()
    run("systemctl", "start", "vfpoold")


repaired("and the guest doesn't run", leave_port)
equal((ports_of("one"), vfpool("lease", "list")), ({}, []), "ports and leases")
equal(without_mac(vf_state("enp1s0", lease["index"])), baseline, "the VF that b had")
may_start("b")
