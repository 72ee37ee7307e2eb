#!/bin/bash
# What the kernel tells by itself: a PF that loses its carrier gets guests last until it has it back for a while; a VF
# that somebody else changes under a guest is reported, and put back where the pool says so.
# timeout: 600
source "$LAB_SUPPORT"

inside <<'PYTHON'
def problem(part):
    return [text for text in vfpool("status")["problems"] if part in text]

make_pool("watched", [("enp1s0", "0-3"), ("enp2s0", "0-3")], policy="spread", vf='trust="off" spoofchk="on"')
define_guest("a", "watched")
start("a")
vf = active_lease("a")
equal((vf["pf"], vf["index"]), ("enp1s0", 0), "VF of a")
step("a change by somebody else is told")
equal(problem("was changed under"), [], "problems before")
run("ip", "link", "set", "enp1s0", "vf", "0", "trust", "on")
wait_until(lambda: problem("enp1s0/0 was changed under guest a: it has trust on"), 3, "status tells")
equal(vf_state("enp1s0", 0)["trust"], True, "trust, which is left as it is")
run("ip", "link", "set", "enp1s0", "vf", "0", "trust", "off")
equal(problem("was changed under"), [], "problems afterwards")

step("a pool with enforce=yes puts it back")
kept = netdef("kept", [("enp1s0", "4-6")], vf='trust="off" maxTxRate="100"')
vfpool("pool", "apply", save("kept", kept.replace('pool:1">', 'pool:1" enforce="yes">')))
define_guest("k", "kept")
start("k")
equal(active_lease("k")["index"], 4, "VF of k")
run("ip", "link", "set", "enp1s0", "vf", "4", "trust", "on", "max_tx_rate", "300")
def is_back():
    state = vf_state("enp1s0", 4)
    return (state["trust"], state["maxTxRate"]) == (False, 100)
wait_until(is_back, 3, "enp1s0/4 is put back")
equal(problem("was changed under"), [], "problems once it is put back")
PYTHON

note "the cable of enp1s0 is pulled"
lab cable 1 out
inside <<'PYTHON'
wait_until(lambda: [text for text in vfpool("status")["problems"] if "PF enp1s0 has no carrier" in text], 3, "status tells")
for name in ("b", "c"):
    define_guest(name, "watched")
    start(name)
    equal(active_lease(name)["pf"], "enp2s0", f"PF of {name}")
PYTHON

note "the cable is back"
lab cable 1 in
inside <<'PYTHON'
wait_until(lambda: not [text for text in vfpool("status")["problems"] if "carrier" in text], 6, "enp1s0 is healthy")
define_guest("d", "watched")
start("d")
equal(active_lease("d")["pf"], "enp1s0", "PF of d")
PYTHON

inside <<'PYTHON'
step("what the host uses is parked, and no guest gets it")
def parked():
    return [hold["pci"] for hold in holds("watched")]
netdev = netdev_of(vf_pci("enp2s0", 2))
equal(parked(), [], "holds before")
run("ip", "link", "set", netdev, "up")
run("ip", "address", "add", "192.0.2.77/24", "dev", netdev)
wait_until(lambda: parked() == [vf_pci("enp2s0", 2)], 6, "enp2s0/2 is parked")
row = vfpool("vf", "show", "enp2s0/2")
equal((row["state"], row["why"]), ("hostUsed", "has address 192.0.2.77"), "enp2s0/2")
# libvirt by itself, without vfpool's hooks, can't give it away either.
write("/run/vfpool/bypass", "")
for name in ("e", "f", "g", "h"):
    define_guest(name, "watched")
    virsh("start", name, ok=False)
os.unlink("/run/vfpool/bypass")
equal(netdev_of(vf_pci("enp2s0", 2)), netdev, "netdev of enp2s0/2")
for name in ("e", "f", "g", "h"):
    virsh("destroy", name, ok=False)
run("ip", "address", "del", "192.0.2.77/24", "dev", netdev)
wait_until(lambda: parked() == [], 6, "enp2s0/2 is let go")

step("so is one with another interface on top of it")
run("ip", "link", "add", "link", netdev, "name", "over0", "type", "macvlan")
wait_until(lambda: parked() == [vf_pci("enp2s0", 2)], 6, "enp2s0/2 is parked")
equal(vfpool("vf", "show", "enp2s0/2")["why"], "carries macvlan over0", "why enp2s0/2 is parked")
run("ip", "link", "del", "over0")
wait_until(lambda: parked() == [], 6, "enp2s0/2 is let go")

step("a process on its vfio group counts as well")
pci = vf_pci("enp1s0", 3)
write(f"/sys/bus/pci/devices/{pci}/driver_override", "vfio-pci")
write(f"/sys/bus/pci/devices/{pci}/driver/unbind", pci)
run("modprobe", "vfio-pci")
write("/sys/bus/pci/drivers_probe", pci)
equal(driver_of(pci), "vfio-pci", "driver of enp1s0/3")
group = os.open(f"/dev/vfio/{link_name(f'/sys/bus/pci/devices/{pci}/iommu_group')}", os.O_RDWR)
vfpool_text("reconcile")
row = vfpool("vf", "show", "enp1s0/3")
equal(row["state"], "hostUsed", "state of enp1s0/3")
contains(row["why"], f"(process {os.getpid()}) drives it through vfio", "why")
equal(parked(), [pci], "holds")
os.close(group)
write(f"/sys/bus/pci/devices/{pci}/driver_override", "\n")
write(f"/sys/bus/pci/devices/{pci}/driver/unbind", pci)
write("/sys/bus/pci/drivers_probe", pci)
wait_until(lambda: parked() == [], 6, "enp1s0/3 is let go")

step("how many VFs there are: what an admin sets comes back, what a script sets is the script's")
for name in "abcdk":
    destroy(name)
    undefine(name)
wait_until(lambda: not vfpool("lease", "list"), 3, "all leases are over")
vfpool_text("pool", "remove", "watched")
vfpool_text("pool", "remove", "kept")
counts = "/var/lib/vfpool/vf-counts"
plan = run("vfpool", "pf", "set-vfs", "enp2s0", "3", "--plan", ok=False)
equal(plan.returncode, 3, "exit code of a plan with changes")
contains(plan.stdout, "create 3 VFs on PF enp2s0", "plan")
equal(vf_count("enp2s0"), VFS_A_PF, "VFs of enp2s0 after a plan")
vfpool_text("pf", "set-vfs", "enp2s0", "3")
equal(vf_count("enp2s0"), 3, "VFs of enp2s0")
contains(read(counts), "enp2s0 3", counts)
set_vf_count("enp2s0", 0)
vfpool_text("boot")
equal(vf_count("enp2s0"), 3, "VFs of enp2s0 after a boot")
vfpool_text("pf", "set-vfs", "enp2s0", "0")
equal("enp2s0" in read(counts), False, f"{counts} once there are none")
write("/etc/rc.local", "#!/bin/sh\necho 2 > /sys/class/net/enp2s0/device/sriov_numvfs\n")
contains(vfpool_refused("pf", "set-vfs", "enp2s0", "3"), "/etc/rc.local:2", "who sets it")
text = netdef("theirs", [("enp2s0", "0-1")])
contains(vfpool_refused("pool", "apply", save("theirs", text)), "/etc/rc.local:2", "who sets it")
os.unlink("/etc/rc.local")
set_vf_count("enp2s0", VFS_A_PF)
PYTHON
