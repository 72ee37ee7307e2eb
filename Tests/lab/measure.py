"""Ratios of a host with vfpool to the same host without, measured inside the emulated host."""

import math
import statistics

from vfpoollab import *



def interval(values):
    """The median's 95 % interval by order statistics."""
    ordered, half = sorted(values), 0.98 * math.sqrt(len(values))
    place = lambda x: ordered[max(0, min(len(ordered) - 1, int(x)))]
    return place(len(ordered) / 2 - half), place(len(ordered) / 2 + half)


def show(what, ratios, limit, detail):
    low, high = interval(ratios)
    print(f"{what}: ratio {statistics.median(ratios):.3f} [{low:.3f}, {high:.3f}], aim {limit} ({detail})", flush=True)


def seconds(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


def start_and_stop(pairs, settings=None):
    """virsh start + destroy with vfpool, and with its hooks unlinked. What the pool sets on its VFs libvirt alone leaves
    undone, so a pool with settings shows what vfpool costs that does more."""
    make_pool("spread", [(pf, None) for pf in PFS], policy="spread", vf=settings)
    define_guest("bench", "spread")
    targets = {hook: os.readlink(hook) for hook in HOOKS}

    def round_trip(with_vfpool):
        for hook, target in targets.items():
            if with_vfpool and not os.path.lexists(hook):
                os.symlink(target, hook)
            elif not with_vfpool and os.path.lexists(hook):
                os.unlink(hook)
        took = seconds(lambda: (virsh("start", "bench"), virsh("destroy", "bench")))
        wait_until(lambda: lease_of("bench") is None, 10, "the lease is over")
        time.sleep(1)
        return took

    for warm in (True, False):
        round_trip(warm)
    with_it, without, ratios = [], [], []
    for number in range(pairs):
        # Which comes first alternates, so that a drift of the machine favours neither.
        first = number % 2 == 0
        took = {first: round_trip(first)}
        took[not first] = round_trip(not first)
        with_it.append(took[True])
        without.append(took[False])
        ratios.append(took[True] / took[False])
    kind = f"VFs with {settings}" if settings else "plain pool"
    show(
        f"start + destroy, {kind}, {pairs} pairs", ratios, "at most 1.05",
        f"{statistics.median(with_it):.2f} s against {statistics.median(without):.2f} s")
    round_trip(True)
    undefine("bench")
    vfpool_text("pool", "remove", "spread")


def listing(pf):
    """Time for each VF that is really listed: vfpool vf list against ip link show, 256 VFs on one PF."""
    listed = len(vfpool("vf", "list", "--pf", pf))
    shown = len(json.loads(run("ip", "-j", "-d", "link", "show", pf).stdout)[0]["vfinfo_list"])
    ours, theirs, ratios = [], [], []
    for _ in range(30):
        ours.append(seconds(lambda: run("vfpool", "vf", "list", "--pf", pf, "--json")) / listed)
        theirs.append(seconds(lambda: run("ip", "-j", "-d", "link", "show", pf)) / shown)
        ratios.append(ours[-1] / theirs[-1])
    show(
        f"vf list against ip link show, per listed VF ({listed} against {shown} of 256)", ratios, "at most 0.3",
        f"{1000 * statistics.median(ours):.2f} ms against {1000 * statistics.median(theirs):.2f} ms")


def dump():
    """Processor time of a dump of 2×256 VFs, against a C program that does only the system calls."""
    print(run("/root/netlink-bench", "dump", "60", timeout=60).stdout, end="", flush=True)


def setting(pf):
    """Time for each VF that is really set, five settings of each: netlink-bench, and vfpool vf set, against ip -batch."""
    def batch(count, number):
        lines = [
            f"link set dev {pf} vf {vf} mac 52:54:00:{number & 255:02x}:00:{vf:02x} vlan {1 + number} "
            f"max_tx_rate {100 + number} spoofchk {('off', 'on')[number % 2]} trust {('on', 'off')[number % 2]}"
            for vf in range(count)]
        write("/tmp/batch", "\n".join(lines) + "\n")

    def set_by_ip(ok):
        return run("ip", "-batch", "/tmp/batch", ok=ok)

    # ip reads the VFs before it sets a rate, and finds only some of them: it stops at the first that it doesn't find.
    batch(256, 0)
    failed = re.search(r"Cannot find VF (\d+)", set_by_ip(ok=False).stderr)
    can_do = int(failed[1]) if failed else 256
    settings = "--vlan {vlan} --max-tx-rate {rate} --spoofchk {flag} --trust {flag} --link-state {state}"
    ours, cli, theirs = [], [], []
    for number in range(1, 31):
        batch(can_do, number)
        told = settings.format(vlan=1 + number, rate=200 + number, flag=("on", "off")[number % 2],
                               state=("enable", "disable")[number % 2])
        theirs.append(seconds(lambda: set_by_ip(ok=True)) / can_do)
        ours.append(seconds(lambda: run("/root/netlink-bench", "set", pf, "256", str(number))) / 256)
        cli.append(seconds(lambda: run("vfpool", "vf", "set", f"{pf}/*", *told.split())) / 256)
    rates = {state["maxTxRate"] for state in vf_states(pf).values()}
    equal(rates, {200 + 30}, "rates that were set")
    for what, times, limit in (
        ("the netlink module", ours, "at most 0.7"), ("vfpool vf set, baselines in the ledger", cli, "none")):
        show(
            f"5 settings of each VF, {what}, against ip -batch, per VF (256 against {can_do})",
            [mine / other for mine, other in zip(times, theirs)], limit,
            f"{1000 * statistics.median(times):.2f} ms against {1000 * statistics.median(theirs):.2f} ms")


def netlink():
    """What hundreds of VFs cost to read, to list and to set."""
    pf = netdevsim(256)
    netdevsim(256, number=2)
    dump()
    write("/sys/bus/netdevsim/del_device", 2)
    listing(pf)
    setting(pf)
    write("/sys/bus/netdevsim/del_device", 1)


def idle():
    """Wake-ups in ten seconds, and resident memory against libvirtd's."""
    def switches(pid):
        total = 0
        for status in glob.glob(f"/proc/{pid}/task/*/status"):
            total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", read(status), re.M)[1])
        return total

    def resident(pid):
        return int(re.search(r"^VmRSS:\s*(\d+)", read(f"/proc/{pid}/status"), re.M)[1])

    pid, libvirtd = main_pid("vfpoold"), main_pid("libvirtd")
    time.sleep(15)
    before = switches(pid)
    time.sleep(30)
    woken = switches(pid) - before
    ours, theirs = resident(pid), resident(libvirtd)
    print(f"idle: {woken} wake-ups in 30 s (libvirtd pings each of the two connections every 5 s)", flush=True)
    print(f"resident: ratio {ours / theirs:.2f}, aim at most 1.2 ({ours // 1024} MiB against {theirs // 1024} MiB)", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["netlink"]:
        netlink()
    else:
        pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
        start_and_stop(pairs)
        start_and_stop(pairs, 'trust="on" spoofchk="off" maxTxRate="500"')
        netlink()
        idle()
