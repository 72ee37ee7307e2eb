"""The same eight faults on libvirt alone and on libvirt with vfpool: what was lost, what an admin had to do by hand.

Prints a table in Markdown. Every cell but the last column is what was seen in this run.
"""

from vfpoollab import *

BYPASS = "/run/vfpool/bypass"
SETTINGS = 'trust="on" spoofchk="off" maxTxRate="500"'
PF = PFS[0]


class Host:
    """One side: libvirt alone (vfpoold stopped, its hooks quiet, a network as libvirt has it), or with vfpool."""

    def __init__(self, alone):
        self.alone = alone

    def __enter__(self):
        if self.alone:
            write(BYPASS, "")
            run("systemctl", "stop", "vfpoold")
            set_vf_count(PF, VFS_A_PF)
            virsh("net-define", save("side", netdef_of_libvirt()))
            virsh("net-start", "side")
        else:
            make_pool("side", [(PF, None)], vf=SETTINGS)
        for name in ("a", "b", "c"):
            define_guest(name, "side")
        return self

    def __exit__(self, *_):
        # A fault on libvirt alone may leave it with counts that only a restart sets right.
        for name in virsh("list", "--name").stdout.split():
            destroy(name, ok=False)
        for name in virsh("list", "--all", "--name").stdout.split():
            undefine(name)
        if self.alone:
            virsh("net-destroy", "side", ok=False)
            virsh("net-undefine", "side", ok=False)
            run("systemctl", "restart", "libvirtd")
            for index in range(VFS_A_PF):
                pci = vf_pci(PF, index)
                if driver_of(pci) == "vfio-pci":
                    write(f"/sys/bus/pci/devices/{pci}/driver_override", "\n")
                    write(f"/sys/bus/pci/devices/{pci}/driver/unbind", pci)
            set_vf_count(PF, 0)
            os.unlink(BYPASS)
            run("systemctl", "start", "vfpoold")
            wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "vfpoold is connected to libvirt")
        else:
            wait_until(lambda: not vfpool("lease", "list"), 6, "all leases are over")
            vfpool_text("pool", "remove", "side")

    def settle(self):
        """Gives vfpool the time that it takes to see what happened; libvirt alone sees nothing."""
        if self.alone:
            return time.sleep(2)
        wait_until(lambda: run("vfpool", "reconcile", "--plan", ok=False).returncode == 0, 10, "nothing is left to do")


def netdef_of_libvirt():
    return f"<network><name>side</name><forward mode='hostdev' managed='yes'><pf dev='{PF}'/></forward></network>"


def start_of(name):
    """What a start comes to, in words."""
    done = start(name, ok=False)
    if done.returncode == 0:
        return f"guest {name} starts"
    text = " ".join(done.stderr.split())
    return f"guest {name} is refused: “{re.split('error: |vfpool: ', text)[-1][:160]}”"


def vf_of(name):
    pci = live_vf(name)
    return next(index for index in range(VFS_A_PF) if vf_pci(PF, index) == pci)


def left_on(index, macs):
    """What a free VF has kept of a guest, in words."""
    state = vf_state(PF, index)
    kept = [text for wrong, text in (
        (state["mac"] in macs, "the guest's MAC"), (state["trust"], "trust"), (state["spoofchk"] is False, "no spoof check"),
        (state["maxTxRate"], f"{state['maxTxRate']} Mbit/s"), (state["vlan"], f"VLAN {state['vlan']}"),
        (driver_of(vf_pci(PF, index)) == "vfio-pci", "vfio-pci as its driver")) if wrong]
    return "the VF keeps " + ", ".join(kept) if kept else "the VF is as it was"


def inherited(host):
    start("a")
    index = vf_of("a")
    if host.alone:
        run("ip", "link", "set", PF, "vf", str(index), "trust", "on", "spoofchk", "off", "max_tx_rate", "500")
    mac = guest_mac("a")
    destroy("a")
    host.settle()
    return left_on(index, {mac})


def killed_together(host):
    start("a")
    index, mac = vf_of("a"), guest_mac("a")
    pid = int(read("/run/libvirt/qemu/a.pid"))
    run("systemctl", "kill", "-s", "KILL", "libvirtd")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: virsh("list", ok=False).returncode == 0, 6, "libvirtd is back")
    wait_until(lambda: not is_running("a"), 6, "a is known to be gone")
    host.settle()
    return f"{left_on(index, {mac})}; {start_of('b')}"


def network_restarted(host):
    start("a")
    virsh("net-destroy", "side")
    virsh("net-start", "side")
    host.settle()
    return start_of("b")


def network_updated(host):
    start("a")
    virsh("net-update", "side", "add", "portgroup", "<portgroup name='x'/>", "--live")
    host.settle()
    return start_of("b")


def reloaded(host):
    start("a")
    run("systemctl", "reload", "libvirtd")
    time.sleep(5)
    host.settle()
    return start_of("b")


def exhausted(host):
    for number in range(VFS_A_PF):
        start(define_guest(f"g{number}", "side"))
    done = start("a", ok=False)
    check(done.returncode != 0, "an eighth guest started on seven VFs")
    named = sum(f"g{number}" in done.stderr for number in range(VFS_A_PF))
    return f"the refusal names {named} of the {VFS_A_PF} guests that have the VFs"


def same_mac(host):
    for name in ("a", "b"):
        undefine(name)
        define_guest(name, "side", mac="52:54:00:12:34:56")
    start("a")
    return start_of("b")


def state_deleted(host):
    start("a")
    index, mac = vf_of("a"), guest_mac("a")
    if host.alone:
        run("ip", "link", "set", PF, "vf", str(index), "trust", "on")
    for path in glob.glob("/run/libvirt/hostdevmgr/*"):
        os.unlink(path)
    destroy("a")
    host.settle()
    return left_on(index, {mac})


FAULTS = (
    ("A guest with its own settings stops", inherited, "set trust, spoof check and rates back with `ip link`"),
    ("libvirtd and QEMU are killed in one moment", killed_together, "find the VF, set it back, bind its driver"),
    ("The network is restarted under a running guest", network_restarted, "stop all guests of the network"),
    ("The network is changed live (`net-update`)", network_updated, "restart libvirtd"),
    ("libvirtd is reloaded", reloaded, "restart libvirtd"),
    ("All VFs are taken", exhausted, "look through every guest's live XML"),
    ("Two guests have one MAC", same_mac, "find the other guest by its lost packets"),
    ("libvirt's saved VF state is gone at the guest's stop", state_deleted, "set MAC, VLAN and the rest back"),
)


def main():
    wanted = sys.argv[1:]
    print("| fault | libvirt alone | by hand | with vfpool |\n|---|---|---|---|", flush=True)
    for title, fault, by_hand in FAULTS:
        if wanted and fault.__name__ not in wanted:
            continue
        seen = []
        for alone in (True, False):
            with Host(alone) as host:
                seen.append(fault(host))
        healthy = seen[0] == seen[1]
        print(f"| {title} | {seen[0]} | {'–' if healthy else by_hand} | {seen[1]} |", flush=True)


if __name__ == "__main__":
    main()
