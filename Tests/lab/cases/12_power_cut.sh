#!/bin/bash
# The power is cut while a guest starts, while guests run, and while one stops: after each boot the ledger is whole, no
# lease or hold of the old boot is left, MAC bindings are kept, the VFs are there, and every guest starts.
# soak
# timeout: 1500
source "$LAB_SUPPORT"

inside <<'PYTHON'
make_pool("cut", [("enp1s0", None)], sticky=True, vf='trust="on"')
virsh("net-autostart", "cut")
for name in ("a", "b"):
    define_guest(name, "cut")
    start(name)
    active_lease(name)
remember("macs", {name: guest_mac(name) for name in ("a", "b")})
destroy("b")
wait_until(lambda: lease_of("b") is None, 3, "b's lease is over")
run("sync")
PYTHON

check_after_boot() {
  lab up --keep
  inside <<'PYTHON'
wait_until(lambda: is_active("vfpoold"), 5, "vfpoold is active")
equal(run("sqlite3", LEDGER, "pragma integrity_check").stdout.strip(), "ok", "the ledger's integrity")
equal(vf_count("enp1s0"), VFS_A_PF, "VFs of enp1s0")
wait_until(lambda: "cut" in active_networks() and vfpool("status")["libvirtConnected"], 6, "libvirt is connected")
wait_until(lambda: not vfpool("lease", "list"), 6, "the leases of the last boot are closed")
equal(ports("cut"), {}, "ports")
equal({row["state"] for row in pool_vfs("cut")}, {"free"}, "states of the VFs")
equal({row["guest"]: row["mac"] for row in vfpool("mac", "list") if row["pool"] == "cut"}, recall("macs"), "MAC bindings")
for name, mac in recall("macs").items():
    start(name)
    equal(active_lease(name)["mac"], mac, f"MAC of {name}")
PYTHON
}

note "power cut while b starts"
lab sh 'nohup virsh -q start b > /dev/null 2>&1 & sleep 2.5'
lab kill
check_after_boot

note "power cut while both run"
lab kill
check_after_boot

note "power cut while b stops"
lab sh 'nohup virsh -q destroy b > /dev/null 2>&1 & sleep 0.3'
lab kill
check_after_boot
