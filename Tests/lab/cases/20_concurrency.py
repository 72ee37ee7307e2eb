"""Many guests at once: each VF goes to one guest, nobody is refused while a VF is free, and nothing stalls."""

# timeout: 1500
from vfpoollab import *

guests = [f"g{number:02}" for number in range(1, 33)]


def storm(what):
    """32 guests for 14 VFs."""
    done, took = start_all(guests)
    running = [name for name in guests if done[name].returncode == 0]
    step(f"{what}: {len(running)} of {len(guests)} guests run after {took:.0f} s")
    equal(len(running), len(PFS) * VFS_A_PF, "guests that run")
    return done, took, running


def stop_all(names):
    for name in names:
        destroy(name)


make_pool("many", [(pf, None) for pf in PFS], policy="spread", vf='trust="on" maxTxRate="100"')
for name in guests:
    define_guest(name, "many")
baselines = {pf: vf_states(pf) for pf in PFS}

write("/run/vfpool/bypass", "")
_, alone, running = storm("libvirt alone")
stop_all(running)
os.unlink("/run/vfpool/bypass")
wait_until(lambda: run("vfpool", "reconcile", ok=False).returncode == 0, 3, "reconcile works")
equal(drifts(), [], "drifts after the storm without vfpool")

done, took, running = storm("with vfpool")
check(took <= 2 * alone, f"it took {took:.0f} s, libvirt alone {alone:.0f} s")
leases = {name: active_lease(name) for name in running}
equal(len({lease["pci"] for lease in leases.values()}), len(running), "VFs that are leased")
equal(len(vfpool("lease", "list")), len(running), "leases")
for name in guests:
    if name not in running:
        contains(done[name].stderr, f"pool many: no free VF for guest {name}", f"the refusal of {name}")
for lease in leases.values():
    state = vf_state(lease["pf"], lease["index"])
    equal((state["mac"], state["trust"], state["maxTxRate"]), (lease["mac"], True, 100), f"the VF of {lease['guest']}")
equal(holds("many"), [], "holds")

step("two QEMUs are killed in one moment, and their VFs go to the next two")
victims = running[:2]
for pid in [int(read(f"/run/libvirt/qemu/{name}.pid")) for name in victims]:
    os.kill(pid, signal.SIGKILL)
wait_until(lambda: not {row["guest"] for row in vfpool("lease", "list")} & set(victims), 6, "their leases are over")
heirs = [name for name in guests if name not in running][:2]
done, _ = start_all(heirs)
for name in heirs:
    equal(done[name].returncode, 0, f"start of {name} ({done[name].stderr})")
equal({active_lease(name)["pci"] for name in heirs}, {leases[name]["pci"] for name in victims}, "VFs of the next two")

stop_all([name for name in running if name not in victims] + heirs)
wait_until(lambda: not vfpool("lease", "list"), 6, "all leases are over")
for pf in PFS:
    for index, state in vf_states(pf).items():
        equal(without_mac(state), without_mac(baselines[pf][index]), f"{pf}/{index} at the end")
equal(drifts(), [], "drifts at the end")
for name in guests:
    undefine(name)
vfpool_text("pool", "remove", "many")

step("guests that name two pools in opposite order don't wait for each other")
make_pool("left", [(PFS[0], None)], sticky=True)
make_pool("right", [(PFS[1], None)], sticky=True)
pairs = [define_guest(f"p{number}", ["left", "right"] if number % 2 else ["right", "left"]) for number in range(4)]
for attempt in range(2):
    done, took = start_all(pairs)
    for name in pairs:
        equal(done[name].returncode, 0, f"start of {name} ({done[name].stderr})")
    step(f"four guests with two NICs each run after {took:.0f} s")
    rows = vfpool("lease", "list")
    equal(sorted((row["guest"], row["pool"]) for row in rows),
          sorted((name, pool) for name in pairs for pool in ("left", "right")), "leases")
    equal(len({row["pci"] for row in rows}), len(rows), "VFs that are leased")
    stop_all(pairs)
    wait_until(lambda: not vfpool("lease", "list"), 6, "all leases are over")
