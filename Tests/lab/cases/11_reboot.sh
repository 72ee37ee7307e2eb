#!/bin/bash
# After a reboot all 14 guests run again by themselves, each with its MAC and the pool's settings, no start had to wait
# for a deadline, and leases, kernel and libvirt agree.
# timeout: 1500
source "$LAB_SUPPORT"

note "14 autostart guests"
inside <<'PYTHON'
make_pool("boot", [(pf, None) for pf in PFS], policy="spread", vf='trust="on" spoofchk="off" maxTxRate="500"')
virsh("net-autostart", "boot")
guests = [define_guest(f"g{number:02}", "boot", autostart=True) for number in range(1, 15)]
for name in guests:
    start(name)
leases = {name: active_lease(name) for name in guests}
remember("before", {name: lease["mac"] for name, lease in leases.items()})
remember("last id", max(lease["id"] for lease in leases.values()))
PYTHON

lab reboot

note "the guests run again"
inside <<'PYTHON'
before = recall("before")
wait_until(lambda: is_active("vfpoold") and all(is_running(name) for name in before), 30, "14 guests run")
for pf in PFS:
    equal(vf_count(pf), VFS_A_PF, f"VFs of {pf}")
wait_until(lambda: len([row for row in vfpool("lease", "list") if row["state"] == "active"]) == 14, 12, "14 active leases")
leases = {name: active_lease(name) for name in before}
equal({name: lease["mac"] for name, lease in leases.items()}, before, "MACs")
equal(len({lease["pci"] for lease in leases.values()}), 14, "different VFs")
for name, lease in leases.items():
    state = vf_state(lease["pf"], lease["index"])
    equal(state["mac"], lease["mac"], f"MAC of {name}'s VF in the kernel")
    equal((state["trust"], state["spoofchk"], state["maxTxRate"]), (True, False, 500), f"settings of {name}'s VF")
    check(lease["id"] > recall("last id"), f"{name}'s lease is still the one from before the reboot")
equal(len(vfpool("lease", "history", "--guest", "g01", "--pool", "boot")), 1, "leases in g01's history")
# They were set while libvirt waited in the hooks, so before QEMU ran: what comes too late is told.
journal = run("journalctl", "-b", "-u", "vfpoold", "--no-pager").stdout
for late in ("did not wait", "too late", "runs without"):
    check(late not in journal, f"a hook came to its deadline:\n{journal}")
equal(vfpool("status")["problems"], [], "problems")
equal(drifts(), [], "drifts")
PYTHON
