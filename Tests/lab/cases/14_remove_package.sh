#!/bin/bash
# Removing the package takes hooks and holds away and leaves the running guests alone; installed again, it knows them.
source "$LAB_SUPPORT"

inside <<'PYTHON'
make_pool("left", [("enp1s0", None)])
for name in ("a", "b", "c"):
    define_guest(name, "left")
start("a")
start("b")
remember("vfs", {name: active_lease(name)["pci"] for name in ("a", "b")})
remember("libvirtd", main_pid("libvirtd"))
PYTHON

note "dpkg -r"
lab sh 'dpkg -r vfpool'

inside <<'PYTHON'
for hook in HOOKS:
    check(not os.path.lexists(hook), f"{hook} is still there")
check(not is_active("vfpoold"), "vfpoold still runs")
equal(main_pid("libvirtd"), recall("libvirtd"), "libvirtd's process id")
equal(holds("left"), [], "holds")
for name, pci in recall("vfs").items():
    check(is_running(name), f"{name} doesn't run any more")
    equal(live_vf(name), pci, f"VF of {name}")
step("guests stop and start without vfpool")
destroy("b")
start("c")
check(os.path.exists(LEDGER), "the ledger went with the package")
PYTHON

note "installed again"
lab install "$DEB"
lab sh 'vfpool enable --yes'
inside <<'PYTHON'
wait_until(lambda: lease_of("a") and lease_of("c") and not lease_of("b"), 6, "the guests are known again")
for name in ("a", "c"):
    active_lease(name)
PYTHON
