"""`vfpool doctor`: what it says of this host, without vfpoold, without root, and of what is put in the VFs' way."""

# timeout: 600
from vfpoollab import *

CONF = "/etc/modprobe.d/unsafe.conf"
LINK = "/etc/systemd/network/10-doctor.link"
CODES = {"ok": 0, "unknown": 0, "warning": 5, "fault": 1}


def doctor(*prefix):
    """The report, by the names of its checks; the exit code must be that of the worst."""
    done = run(*prefix, "vfpool", "doctor", "--json", ok=False)
    report = json.loads(done.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    equal(len(checks), len(report["checks"]), "checks, each name once")
    worst = max((row["verdict"] for row in checks.values()), key=list(CODES).index)
    equal((report["verdict"], done.returncode), (worst, CODES[worst]), "the report's verdict and the exit code")
    return report, checks


def verdicts(checks, expected, *names):
    for name in names:
        equal(checks[name]["verdict"], expected, f"{name}: {checks[name]['evidence']}")


for pf in PFS:
    set_vf_count(pf, 2)

step("firmware, kernel, cards and hooks of this host")
report, checks = doctor()
check(len(checks) >= 30 and report["isRoot"], f"{len(checks)} checks")
verdicts(checks, "ok", "vfpoold-answers", "iommu-firmware", "iommu-kernel", "iommu-passthrough", "kernel-line")
verdicts(checks, "ok", "interrupt-remapping", "unsafe-interrupts", "vfio-module", "pfs", "pf-driver", "vf-address-space")
verdicts(checks, "ok", "vf-drivers", "vf-isolation", "settings-writers", "libvirt-installed", "libvirt-daemons")
verdicts(checks, "ok", "hook-program", "hook-links", "hooks-seen", "hook-bypass", "other-hooks")
verdicts(checks, "ok", "pf-bridges", "pf-macvtaps", "pf-bonds", "vf-mtu", "upper-mtu", "ledger-file", "ledger-rights")
verdicts(checks, "ok", "ledger-log", "vf-counts-file", "pool-pfs", "pool-started", "pool-free", "pool-drift")
for pf in PFS:
    contains("\n".join(checks["pfs"]["evidence"]), f"{pf} ({link_name(f'/sys/class/net/{pf}/device')}), igb: 2 of 7 VFs", "PFs")
text = run("vfpool", "doctor", ok=False).stdout
contains(text, "FIRMWARE AND KERNEL", "text for people")

step("it sees what root sees, but for what only root may read")
report, common = doctor("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
equal(report["isRoot"], False, "isRoot")
verdicts(common, "ok", "iommu-firmware", "iommu-kernel", "pfs", "vf-isolation", "hook-links")
verdicts(common, "unknown", "vfpoold-answers", "count-writers", "ledger-file")
contains("\n".join(common["count-writers"]["fix"]), "as root", "what to do about it")

step("a VF without a driver, unsafe interrupts, the kill switch and somebody else's settings are found")
pci = vf_pci("enp1s0", 0)
write(f"/sys/bus/pci/devices/{pci}/driver/unbind", pci)
write(CONF, "options vfio_iommu_type1 allow_unsafe_interrupts=1\n")
write(LINK, "[Match]\nOriginalName=nothing*\n\n[Link]\nNamePolicy=kernel\n")
write("/run/vfpool/bypass", "")
try:
    _, checks = doctor()
    verdicts(checks, "warning", "vf-drivers", "unsafe-interrupts", "hook-bypass")
    contains(checks["vf-drivers"]["evidence"][0], "enp1s0: 0 without a driver", "the VF")
    contains("\n".join(checks["unsafe-interrupts"]["evidence"]), f"{CONF}:1:", "where it is allowed")
    equal(checks["hook-bypass"]["fix"], ["rm /run/vfpool/bypass"], "way out of the bypass")
    verdicts(checks, "ok", "settings-writers")
    write(LINK, "[Match]\nOriginalName=*\nDriver=igb\n\n[Link]\nNamePolicy=keep kernel\n\n[SR-IOV]\nVirtualFunction=0\nTrust=yes\n")
    _, checks = doctor()
    verdicts(checks, "warning", "settings-writers")
    contains("\n".join(checks["settings-writers"]["evidence"]), LINK, "who sets VFs, too")
finally:
    for path in (CONF, LINK, "/run/vfpool/bypass"):
        os.unlink(path)
    write(f"/sys/bus/pci/drivers/igbvf/bind", pci)
_, checks = doctor()
verdicts(checks, "ok", "vf-drivers", "unsafe-interrupts", "hook-bypass", "settings-writers")

step("a PF in a bridge with a guest's port, and a ledger that others may read")
run("ip", "link", "add", "br-doctor", "type", "bridge")
run("ip", "tuntap", "add", "dev", "tap-doctor", "mode", "tap")
try:
    for port in ("enp2s0", "tap-doctor"):
        run("ip", "link", "set", port, "master", "br-doctor")
    os.chmod(LEDGER, 0o644)
    _, checks = doctor()
    verdicts(checks, "warning", "pf-bridges", "ledger-rights")
    contains(checks["pf-bridges"]["evidence"][0], "bridge br-doctor has PF enp2s0 as a port", "the bridge and its PF")
    contains(checks["pf-bridges"]["evidence"][0], "(tap-doctor)", "what is behind it")
    equal(checks["ledger-rights"]["fix"], [f"chmod 0600 {LEDGER}"], "what to do about the ledger")
finally:
    os.chmod(LEDGER, 0o600)
    run("ip", "link", "del", "tap-doctor")
    run("ip", "link", "del", "br-doctor")
_, checks = doctor()
verdicts(checks, "ok", "pf-bridges", "ledger-rights")

step("without vfpoold it says so first, and all the rest")
run("systemctl", "stop", "vfpoold")
try:
    report, checks = doctor()
    equal(report["checks"][0]["name"], "vfpoold-answers", "what comes first")
    verdicts(checks, "warning", "vfpoold-answers")
    contains(checks["vfpoold-answers"]["evidence"][0], "vfpoold doesn't answer", "what it says")
    verdicts(checks, "ok", "iommu-kernel", "pfs", "hook-links")
    check("vfpoold-problems" not in checks, "nothing is made up of a vfpoold that doesn't run")
finally:
    run("systemctl", "start", "vfpoold")
wait_until(lambda: vfpool("status")["libvirtConnected"], 5, "vfpoold is connected to libvirt again")

step("on a host without any SR-IOV card it says so, and nothing of VFs is wrong")
cards = [link_name(f"/sys/class/net/{pf}/device") for pf in PFS]
for pf, card in zip(PFS, cards):
    set_vf_count(pf, 0)
    write(f"/sys/bus/pci/devices/{card}/remove", "1")
try:
    _, checks = doctor()
    verdicts(checks, "warning", "pfs")
    contains("\n".join(checks["pfs"]["evidence"]), "no network card offers VFs", "what it says")
    verdicts(checks, "ok", "vfpoold-answers", "iommu-kernel", "pf-driver", "pf-link", "vf-drivers", "vf-isolation", "hook-links")
finally:
    write("/sys/bus/pci/rescan", "1")
wait_until(lambda: all(os.path.exists(f"/sys/class/net/{pf}/device") for pf in PFS), 10, "the cards are back")
equal([link_name(f"/sys/class/net/{pf}/device") for pf in PFS], cards, "the cards' addresses")
_, checks = doctor()
verdicts(checks, "ok", "pfs", "pf-driver")
