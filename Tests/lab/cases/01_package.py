"""The package is installed, nothing of libvirt was restarted by that, and `vfpool enable` puts vfpool into libvirt's way."""

from vfpoollab import *

step("installed cleanly")
contains(run("dpkg", "-s", "vfpool").stdout, "Status: install ok installed", "dpkg -s vfpool")
equal(run("dpkg", "--verify", "vfpool").stdout.replace("??5?????? c /etc/vfpool/vfpool.conf", "").strip(), "", "dpkg --verify")
check("swift" not in run("ldd", "/usr/sbin/vfpoold").stdout, "vfpoold needs a Swift library")
check(run("getent", "group", "vfpool").stdout, "no group vfpool")

step("the install restarted nothing of libvirt and linked no hooks")
equal(str(main_pid("libvirtd")), read("/root/lab/libvirtd.pid"), "libvirtd's process id")
for hook in HOOKS:
    check(not os.path.lexists(hook), f"{hook} is there before vfpool enable")

step("vfpoold runs, and starts before libvirt at boot")
wait_until(lambda: is_active("vfpoold"), 3, "vfpoold is active")
equal(run("systemctl", "is-enabled", "vfpoold").stdout.strip(), "enabled", "vfpoold at boot")
before = run("systemctl", "show", "-p", "Before", "--value", "vfpoold").stdout.split()
for unit in ("libvirtd.service", "virtqemud.service", "virtnetworkd.service"):
    check(unit in before, f"vfpoold isn't ordered before {unit}: {before}")

step("enable links the hooks and restarts libvirtd")
old = main_pid("libvirtd")
vfpool_text("enable", "--yes")
for hook in HOOKS:
    equal(os.path.realpath(hook), "/usr/sbin/vfpool-hook", hook)
check(main_pid("libvirtd") != old, "libvirtd was not restarted by vfpool enable")

step("status")
status = wait_until(lambda: (s := vfpool("status"))["libvirtConnected"] and s, 5, "vfpoold is connected to libvirt")
equal(sorted(pf["name"] for pf in status["pfs"]), sorted(PFS), "PFs")
equal(status["pools"], [], "pools")
check("enp1s0" in vfpool_text("status").stdout, "vfpool status doesn't show enp1s0")

step("the sockets")
for name, rights in (("vfpool.sock", "root vfpool 660"), ("vfpool-ro.sock", "root root 666")):
    equal(run("stat", "-c", "%U %G %a", f"/run/vfpool/{name}").stdout.strip(), rights, name)
noise = [line for line in run("journalctl", "-b", "-u", "vfpoold", "-o", "cat", "--no-pager").stdout.splitlines()
         if "thread priority" in line or "ermission denied" in line or "Read-only file system" in line]
equal(noise, [], "what the sandbox keeps vfpoold from")
