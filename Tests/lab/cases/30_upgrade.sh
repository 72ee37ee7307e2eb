#!/bin/bash
# An older package and an older ledger are upgraded under running guests, beside somebody else's hook script.
source "$LAB_SUPPORT"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
dpkg-deb -R "$DEB" "$scratch/tree"
sed -i 's/^Version: .*/Version: 0.0.1/' "$scratch/tree/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip -z1 -b "$scratch/tree" "$scratch/vfpool_0.0.1_amd64.deb" > /dev/null

note "an older package, and a hook of somebody else's"
lab sh 'cat > /etc/libvirt/hooks/qemu << "TEXT"
#!/bin/sh
echo "$@" >> /root/lab/foreign-hook
TEXT
chmod 755 /etc/libvirt/hooks/qemu; rm -f /root/lab/foreign-hook; systemctl restart libvirtd'
lab install "$scratch/vfpool_0.0.1_amd64.deb"

inside <<'PYTHON'
wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "connected")
make_pool("kept", [("enp1s0", None)], vf='trust="on"')
for name in ("a", "b", "c"):
    define_guest(name, "kept")
start("a")
start("b")
remember("vfs", {name: active_lease(name)["pci"] for name in ("a", "b")})
remember("macs", {name: guest_mac(name) for name in ("a", "b")})
remember("libvirtd", main_pid("libvirtd"))
contains(read("/root/lab/foreign-hook"), "a prepare begin", "calls of the other hook")
# The ledger as the version before the audit left it.
run("systemctl", "stop", "vfpoold")
run("sqlite3", LEDGER, "DROP TABLE audit; ALTER TABLE macBinding DROP COLUMN since; DROP TABLE identity; DELETE FROM grdb_migrations WHERE identifier IN ('8', '9', '10');")
PYTHON

note "upgraded"
lab install "$DEB"
inside <<'PYTHON'
equal(run("dpkg-query", "-W", "-f", "${Version}", "vfpool").stdout == "0.0.1", False, "the old version is left")
wait_until(lambda: is_active("vfpoold") and vfpool("status")["libvirtConnected"], 6, "vfpoold runs")
equal(main_pid("libvirtd"), recall("libvirtd"), "libvirtd's process id")
for name, pci in recall("vfs").items():
    check(is_running(name), f"{name} doesn't run any more")
    equal((active_lease(name)["pci"], live_vf(name)), (pci, pci), f"VF of {name}")
    equal(guest_mac(name), recall("macs")[name], f"MAC of {name}")
nothing_to_do()
step("guests come and go as before, and the other hook is called")
destroy("a")
wait_until(lambda: lease_of("a") is None, 3, "a's lease is closed")
start("c")
active_lease("c")
contains(read("/root/lab/foreign-hook"), "c prepare begin", "calls of the other hook")
vfpool_text("vf", "quarantine", "enp1s0/6", "--why", "for the audit")
equal(vfpool("audit", "list")[0]["operation"], "POST /v1/vfs/quarantine", "the audit that the upgrade made")
vfpool_text("vf", "unquarantine", "enp1s0/6")
destroy("b")
destroy("c")
os.unlink("/etc/libvirt/hooks/qemu")
PYTHON
