"""Faults at every point of vfpoold's flows, and what must be true afterwards. Runs inside the emulated host.

soak.py points | errors | storm N | prepare-power | churn | after-power
"""

import random
from concurrent.futures import ThreadPoolExecutor

from vfpoollab import *

PLAN = "/run/vfpool/faults"
PROGRESS = "/root/lab/soak.json"
POOL, PF, OTHER_PF = "soak", PFS[0], PFS[1]
GUESTS = A, B, C = "soak1", "soak2", "soak3"
SETTINGS = {"trust": True, "spoofchk": False, "maxTxRate": 500}
ERRORS = ("EBUSY", "EPERM", "EOPNOTSUPP", "ENOSPC", "disconnected")
found = []


# --- the fault ---


def arm(rule):
    """The counting of points begins when the file is there."""
    write(PLAN + ".new", rule)
    os.rename(PLAN + ".new", PLAN)


def struck():
    """vfpoold removes the plan when it strikes."""
    return not os.path.exists(PLAN)


def disarm():
    if os.path.exists(PLAN):
        os.unlink(PLAN)


# --- what must be true ---


def fresh_states():
    """What a VF is when its card has just made it; its MAC is its driver's affair."""
    return {index: without_mac(state) for index, state in vf_states(PF).items()}


def is_up():
    status = run("vfpool", "status", "--json", ok=False)
    return status.returncode == 0 and json.loads(status.stdout)["libvirtConnected"]


def settle():
    wait_until(lambda: is_active("vfpoold") and is_up(), 10, "vfpoold runs and is connected to libvirt")
    run("vfpool", "reconcile", ok=False)
    nothing_to_do(15)


def running():
    return sorted(virsh("list", "--name").stdout.split())


def check_host(fresh, macs):
    """No VF with two owners, none leaked, none off its baseline, every running guest as its pool says, no MAC lost."""
    settle()
    there = ports(POOL) if POOL in active_networks() else {}
    vfs = [port["pci"] for port in there.values()]
    equal(len(vfs), len(set(vfs)), f"VFs with one port, of {there}")
    equal([port for port in there.values() if port["owner"] == HOLD_OWNER], [], "holds")
    equal(sorted(port["owner"] for port in there.values()), running(), "owners of libvirt's ports")
    equal(sorted(row["guest"] for row in vfpool("lease", "list")), running(), "guests with leases")
    states = vf_states(PF)
    for index, state in states.items():
        pci = vf_pci(PF, index)
        owners = [port for port in there.values() if port["pci"] == pci]
        if not owners:
            equal(without_mac(state), fresh[index], f"free VF {PF}/{index}")
            check(state["mac"] not in macs.values(), f"free VF {PF}/{index} has the MAC of a guest: {state}")
            equal(driver_of(pci), "igbvf", f"driver of free VF {PF}/{index}")
            continue
        owner = owners[0]["owner"]
        equal(active_lease(owner, patience=10)["pci"], pci, f"VF of {owner}")
        equal(state["mac"], guest_mac(owner), f"MAC of {PF}/{index}")
        equal(driver_of(pci), "vfio-pci", f"driver of {PF}/{index}")
        wanted = {**fresh[index], **SETTINGS}
        if without_mac(state) != wanted:
            told = vfpool("status")["problems"]
            check(any(owner in text for text in told), f"{owner} has {state}, not {wanted}, and nobody is told: {told}")
    for row in vfpool("vf", "list"):
        check(row["state"] in ("free", "leased", "unpooled"), f"{row['pf']}/{row['index']} is {row['state']}")
    known = {row["guest"]: row["mac"] for row in vfpool("mac", "list") if row["pool"] == POOL}
    for guest, mac in macs.items():
        equal(known.get(guest), mac, f"MAC binding of {guest}")


def unquarantine():
    """An error that a VF met on its return parks it; that is as it should be."""
    for row in vfpool("vf", "list"):
        if row["state"] == "quarantined":
            vfpool_text("vf", "unquarantine", f"{row['pf']}/{row['index']}")


# --- the flows ---


def apply_pool(ok=True):
    text = netdef(POOL, [(PF, None)], sticky=True, vf='trust="on" spoofchk="off" maxTxRate="500"')
    return vfpool_text("pool", "apply", save(POOL, text), ok=ok)


def stop_all():
    for name in running():
        destroy(name)
    wait_until(lambda: not vfpool("lease", "list"), 6, "all leases are over")


def has_pool():
    return POOL in pools()


def remove_pool():
    if has_pool():
        vfpool_text("pool", "remove", POOL)


def hand_out_before():
    apply_pool()
    if A not in running():
        start(A)


def hand_out_run():
    # Its last VF isn't libvirt's first free one: a hold is needed.
    start(C)


def hand_out_after():
    equal(running(), [A, C], "running guests")
    destroy(C)
    destroy(A)
    start(B)
    start(C)
    stop_all()


def release_before():
    apply_pool()
    for name in (A, B):
        if name not in running():
            start(name)


def release_run():
    destroy(A)


def release_after():
    equal(running(), [B], "running guests")
    start(A)


def apply_before():
    stop_all()
    remove_pool()
    vfpool_text("pf", "set-vfs", PF, "0")


def apply_after():
    apply_pool()
    start(A)
    stop_all()


def remove_before():
    stop_all()
    apply_pool()


def remove_after():
    remove_pool()
    check(POOL not in virsh("net-list", "--all", "--name").stdout.split(), f"network {POOL} is left")


def set_vfs_before():
    vfpool_text("pf", "set-vfs", OTHER_PF, "0")


def set_vfs_after():
    vfpool_text("pf", "set-vfs", OTHER_PF, "3")
    equal(vf_count(OTHER_PF), 3, f"VFs of {OTHER_PF}")


# By name: what comes before, what is broken, what must work afterwards.
FLOWS = {
    "hand-out": (hand_out_before, hand_out_run, hand_out_after),
    "release": (release_before, release_run, release_after),
    "apply": (apply_before, lambda: apply_pool(ok=False), apply_after),
    "remove": (remove_before, lambda: vfpool_text("pool", "remove", POOL, ok=False), remove_after),
    "set-vfs": (set_vfs_before, lambda: vfpool_text("pf", "set-vfs", OTHER_PF, "3", ok=False), set_vfs_after),
}


def prepare():
    """The pool, its guests, and what its VFs are when they are new."""
    disarm()
    wait_until(is_up, 10, "vfpoold is connected to libvirt")
    apply_pool()
    defined = virsh("list", "--all", "--name").stdout.split()
    for name in GUESTS:
        if name not in defined:
            define_guest(name, POOL)
    stop_all()
    unquarantine()
    settle()
    # Each guest once, so that each has its own VF and MAC.
    for name in GUESTS:
        start(name)
    stop_all()
    settle()
    return fresh_states(), {name: guest_mac(name, inactive=True) for name in GUESTS}


def break_at(name, hit, rule, fresh, macs):
    """False: the flow has fewer points."""
    before, flow, after = FLOWS[name]
    before()
    unquarantine()
    settle()
    arm(rule)
    flow()
    time.sleep(3)
    if not struck():
        disarm()
        # Or the flow has ended early because the host is being shut down.
        settle()
        return False
    settle()
    unquarantine()
    check_host(fresh, macs)
    after()
    check_host(fresh, macs)
    return True


def every_point(kind, rule_of):
    progress = json.loads(read(PROGRESS) or "{}")
    fresh, macs = prepare()
    for name in FLOWS:
        # The last flow's run, which met no fault, left its guests running.
        stop_all()
        hit = progress.get(f"{kind} {name}", 1)
        while hit:
            write(PROGRESS, json.dumps({**progress, f"{kind} {name}": hit}))
            rule = rule_of(hit)
            print(f"- {name} {rule}", flush=True)
            try:
                more = break_at(name, hit, rule, fresh, macs)
            except Failure as failure:
                found.append(f"{name} {rule}: {failure}")
                print(f"  WRONG: {failure}", flush=True)
                disarm()
                run("systemctl", "restart", "vfpoold")
                fresh, macs = prepare()
                more = True
            hit = hit + 1 if more else 0
        progress[f"{kind} {name}"] = 0
        write(PROGRESS, json.dumps(progress))
    os.unlink(PROGRESS)


def points():
    every_point("kill", lambda hit: f"any:{hit}=kill")


def errors():
    every_point("error", lambda hit: f"any:{hit}={ERRORS[hit % len(ERRORS)]}")


# --- storms ---


def resources(unit):
    pid = main_pid(unit)
    kilobytes = int(re.search(r"^VmRSS:\s*(\d+)", read(f"/proc/{pid}/status"), re.M)[1])
    return {"kB": kilobytes, "files": len(os.listdir(f"/proc/{pid}/fd"))}


def ledger_size():
    return sum(os.path.getsize(path) for path in glob.glob(LEDGER + "*"))


def start_and_stop(name, times):
    for _ in range(times):
        start(name)
        destroy(name)


def side_by_side(rounds, meanwhile=lambda: None):
    """Starts and stops of all guests, `rounds` together."""
    shares = [len(range(place, rounds, len(GUESTS))) for place in range(len(GUESTS))]
    with ThreadPoolExecutor() as threads:
        guests = [threads.submit(start_and_stop, *share) for share in zip(GUESTS, shares)]
        meanwhile()
        for guest in guests:
            guest.result()


def storm(rounds):
    """Starts and stops of several guests side by side, vfpoold killed every 50, each time at another moment."""
    fresh, macs = prepare()
    moments = random.Random(rounds)
    measured = []

    def kill():
        time.sleep(moments.random() * 10)
        run("systemctl", "kill", "-s", "KILL", "vfpoold")

    for number in range(50, rounds + 1, 50):
        side_by_side(44)
        measured.append({unit: resources(unit) for unit in ("vfpoold", "libvirtd")} | {"ledger": ledger_size()})
        print(f"- {number} of {rounds}: {measured[-1]}", flush=True)
        side_by_side(6, kill)
        check_host(fresh, macs)
    stop_all()
    check_host(fresh, macs)
    # The first fifty warm up what is allocated once.
    first, last = measured[min(1, len(measured) - 1)], measured[-1]
    print(f"- at first {first}, at last {last}", flush=True)
    for unit in ("vfpoold", "libvirtd"):
        check(last[unit]["kB"] < first[unit]["kB"] * 1.1 + 2048, f"{unit} has grown: {first[unit]}, {last[unit]}")
        check(last[unit]["files"] <= first[unit]["files"] + 2, f"{unit} has more open files: {first[unit]}, {last[unit]}")


def churn():
    while True:
        for name in GUESTS:
            virsh("start", name, ok=False)
            virsh("destroy", name, ok=False)


def prepare_power():
    fresh, macs = prepare()
    write("/root/lab/power.json", json.dumps([fresh, macs]))
    run("sync")


def after_power():
    fresh, macs = json.loads(read("/root/lab/power.json"))
    equal(run("sqlite3", LEDGER, "pragma integrity_check").stdout.strip(), "ok", "the ledger's integrity")
    equal(vf_count(PF), VFS_A_PF, f"VFs of {PF}")
    check_host({int(index): state for index, state in fresh.items()}, macs)
    for name in GUESTS:
        start(name)
    check_host({int(index): state for index, state in fresh.items()}, macs)
    stop_all()


if __name__ == "__main__":
    part, arguments = sys.argv[1], sys.argv[2:]
    parts = {
        "points": points, "errors": errors, "churn": churn, "prepare-power": prepare_power, "after-power": after_power,
        "storm": lambda: storm(int(arguments[0]))}
    parts[part]()
    for text in found:
        print(f"WRONG: {text}", flush=True)
    sys.exit(1 if found else 0)
