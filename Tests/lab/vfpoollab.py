"""What the cases share: guests, pools and the kernel's own view of VFs. Runs inside the emulated host as root.

The emulated host is about ten times slower than a real one: every timeout is given in seconds of a real host and is
multiplied by SLOW here.
"""

import glob
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
import xml.etree.ElementTree as ET

SLOW = 10
PFS = ("enp1s0", "enp2s0")
VFS_A_PF = 7
HOOKS = ("/etc/libvirt/hooks/qemu.d/50-vfpool", "/etc/libvirt/hooks/network.d/50-vfpool")
LEDGER = "/var/lib/vfpool/ledger.sqlite"
HOLD_OWNER = "vfpool-hold"
IMAGES = "/var/lib/libvirt/images"


class Failure(AssertionError):
    pass


def fail(text):
    raise Failure(text)


def check(condition, text):
    if not condition:
        fail(text)


def equal(found, expected, what):
    if found != expected:
        fail(f"{what}: found {found!r}, expected {expected!r}")


def contains(text, part, what):
    if part not in text:
        fail(f"{what}: {part!r} is not in:\n{text}")


BEGIN = time.monotonic()


def step(text):
    """Says what comes next, after how many seconds of the case."""
    print(f"- {time.monotonic() - BEGIN:4.0f} s: {text}", flush=True)


def wait_until(predicate, timeout, what):
    """Returns predicate's first true value; timeout in seconds of a real host. `what`: the text, or what makes it once
    the time is over."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            fail(f"not within {timeout * SLOW} s: {what() if callable(what) else what}")
        time.sleep(0.5)


# --- commands ---


def run(*command, ok=True, input=None, timeout=30):
    """Runs a command; with ok=True a failure ends the case and shows the output, ok=False returns it either way."""
    try:
        done = subprocess.run(command, input=input, capture_output=True, text=True, timeout=timeout * SLOW)
    except subprocess.TimeoutExpired:
        fail(f"{' '.join(command)}: no end within {timeout * SLOW} s")
    if ok and done.returncode != 0:
        fail(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def virsh(*arguments, ok=True, timeout=30):
    return run("virsh", "-q", *arguments, ok=ok, timeout=timeout)


def vfpool(*arguments):
    """vfpool … --json, parsed."""
    done = run("vfpool", *arguments, "--json")
    try:
        return json.loads(done.stdout)
    except ValueError:
        fail(f"vfpool {' '.join(arguments)} --json printed no JSON:\n{done.stdout}{done.stderr}")


def drifts():
    """What `vfpool reconcile` would do."""
    done = run("vfpool", "reconcile", "--plan", "--json", ok=False)
    check(done.returncode in (0, 3), f"vfpool reconcile --plan: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)["steps"]


def nothing_to_do(patience=6):
    wait_until(lambda: drifts() == [], patience, lambda: f"nothing is left to do, found {drifts()}")


def vfpool_text(*arguments, ok=True):
    return run("vfpool", *arguments, ok=ok)


def vfpool_refused(*arguments, code=1):
    """Runs vfpool, which must fail with this exit code; returns what it says on stderr."""
    done = run("vfpool", *arguments, ok=False)
    equal(done.returncode, code, f"exit code of vfpool {' '.join(arguments)} ({done.stdout}{done.stderr})")
    return done.stderr


def main_pid(unit):
    return int(run("systemctl", "show", "-p", "MainPID", "--value", unit).stdout)


def is_active(unit):
    return run("systemctl", "is-active", unit, ok=False).stdout.strip() == "active"


# --- the kernel's view ---


def read(path):
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None


def write(path, text):
    with open(path, "w") as file:
        file.write(str(text))


def link_name(path):
    """The last part of what a link points to, None when there is no link."""
    return os.path.basename(os.readlink(path)) if os.path.islink(path) else None


def vf_count(pf):
    return int(read(f"/sys/class/net/{pf}/device/sriov_numvfs"))


def set_vf_count(pf, count):
    path = f"/sys/class/net/{pf}/device/sriov_numvfs"
    if vf_count(pf) == count:
        return
    if vf_count(pf) != 0:
        write(path, 0)
    if count:
        write(path, count)
    run("udevadm", "settle")


def vf_pci(pf, index):
    """The PCI address of a VF, None when it isn't there."""
    return link_name(f"/sys/class/net/{pf}/device/virtfn{index}")


def driver_of(pci):
    return link_name(f"/sys/bus/pci/devices/{pci}/driver")


def netdev_of(pci):
    names = glob.glob(f"/sys/bus/pci/devices/{pci}/net/*")
    return os.path.basename(names[0]) if names else None


def vf_states(pf):
    """What the PF's driver says about each of its VFs, by index: read by pyroute2, named as vfpool names it."""
    from pyroute2 import IPRoute

    filter_vf, skip_statistics = 1, 1 << 3
    on_off = {0: False, 1: True}
    states = {}
    with IPRoute() as netlink:
        index = netlink.link_lookup(ifname=pf)
        check(index, f"no interface {pf}")
        link = netlink.link("get", index=index[0], ext_mask=filter_vf | skip_statistics)[0]
    infos = link.get_attr("IFLA_VFINFO_LIST")
    for info in infos.get_attrs("IFLA_VF_INFO") if infos else []:
        def value(attribute, name):
            found = info.get_attr("IFLA_VF_" + attribute)
            return None if found is None else found[name]

        vlan = value("VLAN", "vlan") or None
        protocol = None
        tags = info.get_attr("IFLA_VF_VLAN_LIST")
        if vlan and tags:
            protocol = {0x8100: "802.1Q", 0x88A8: "802.1ad"}[tags.get_attr("IFLA_VF_VLAN_INFO")["proto"]]
        states[value("MAC", "vf")] = {
            "mac": value("MAC", "mac"),
            "vlan": vlan,
            "qos": value("VLAN", "qos") if vlan else None,
            "vlanProto": protocol,
            "spoofchk": on_off.get(value("SPOOFCHK", "spoofchk")),
            "trust": on_off.get(value("TRUST", "trust")),
            "linkState": {0: "auto", 1: "enable", 2: "disable"}.get(value("LINK_STATE", "link_state")),
            "minTxRate": value("RATE", "min_tx_rate"),
            "maxTxRate": value("RATE", "max_tx_rate"),
        }
    return states


def vf_state(pf, index):
    return vf_states(pf)[index]


def without_mac(state):
    """igb shows as a free VF's MAC what its driver made up at the last probe: never the same twice."""
    return {name: value for name, value in state.items() if name != "mac"}


def netdevsim(count, number=1):
    """A netdevsim PF with this many VFs; returns its name."""
    device = f"/sys/bus/netdevsim/devices/netdevsim{number}"
    run("modprobe", "netdevsim")
    if not os.path.ismount("/sys/kernel/debug"):
        run("mount", "-t", "debugfs", "none", "/sys/kernel/debug")
    write("/sys/bus/netdevsim/new_device", f"{number} 1")
    write(f"/sys/kernel/debug/netdevsim/netdevsim{number}/max_vfs", count)
    write(f"{device}/sriov_numvfs", count)
    run("udevadm", "settle")
    return os.path.basename(glob.glob(f"{device}/net/*")[0])


# --- pools ---


def netdef(name, pfs, policy="pack", sticky=False, vf="", inside="", placement=""):
    """A pool's XML. pfs: (name, range or None) each; vf: attributes of <vfpool:vf>; inside: more network XML."""
    lines = []
    for pf, indexes in pfs:
        indexes = f' range="{indexes}"' if indexes else ""
        lines.append(f'      <vfpool:pf dev="{pf}" vfs="{VFS_A_PF}"{indexes}/>')
    sticky = ' sticky="yes"' if sticky else ""
    lines.append(f'      <vfpool:placement policy="{policy}"{sticky}{placement}/>')
    if vf:
        lines.append(f"      <vfpool:vf {vf}/>")
    metadata = "\n".join(lines)
    return f"""<network>
  <name>{name}</name>
  <metadata>
    <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1">
{metadata}
    </vfpool:pool>
  </metadata>
  <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
  {inside}
</network>
"""


def save(name, text):
    path = f"/tmp/{name}.xml"
    write(path, text)
    return path


def make_pool(name, pfs, **rest):
    """Applies a pool's XML and waits until its network is active and its PFs have the carrier that igb loses for a
    while when it makes VFs: placement would prefer the other PF."""
    report = vfpool("pool", "apply", save(name, netdef(name, pfs, **rest)))
    wait_until(lambda: name in active_networks(), 3, f"network {name} is active")
    wait_for_carrier(pf for pf, _ in pfs)
    return report


def wait_for_carrier(pfs):
    pfs = list(pfs)
    # vfpoold waits the longer the more often a carrier went, a minute at most.
    wait_until(lambda: all(has_carrier(pf) for pf in pfs), 12, f"{', '.join(pfs)} have their carrier")


def has_carrier(pf):
    """Whether the kernel and vfpoold, which waits a while, both say so: “has no” and “had no carrier a moment ago”."""
    told = [text for text in vfpool("status")["problems"] if text.startswith(f"PF {pf} ha") and "no carrier" in text]
    return read(f"/sys/class/net/{pf}/carrier") == "1" and not told


def active_networks():
    return virsh("net-list", "--name").stdout.split()


def pools():
    return {row["name"]: row for row in vfpool("pool", "list")}


def pool_vfs(pool):
    return [row for row in vfpool("vf", "list") if row["pool"] == pool]


def vf_row(pci):
    for row in vfpool("vf", "list"):
        if row["pci"] == pci:
            return row
    fail(f"vf list has no {pci}")


def ports(network):
    """libvirt's ports of a network, by UUID: owner's name, MAC, PCI address."""
    found = {}
    for uuid in virsh("net-port-list", "--uuid", network).stdout.split():
        shown = virsh("net-port-dumpxml", network, uuid, ok=False)
        if shown.returncode != 0 or not shown.stdout.strip():
            continue  # gone in between
        port = ET.fromstring(shown.stdout)
        address = port.find("plug/address")
        found[uuid] = {
            "owner": port.findtext("owner/name"),
            "mac": port.find("mac").get("address"),
            "pci": None if address is None else pci_text(address),
        }
    return found


def holds(network):
    return [port for port in ports(network).values() if port["owner"] == HOLD_OWNER]


# --- guests ---


def pci_text(address):
    """An <address> of libvirt's XML as 0000:01:10.0."""
    domain, bus, slot, function = (int(address.get(part), 16) for part in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def console_log(name):
    return f"/var/log/libvirt/qemu/{name}-console.log"


def boot_linux(*words):
    """What makes a guest boot the tiny Linux, for its <os>; words: more of the kernel's command line."""
    line = " ".join(("console=ttyS0", "quiet", *words))
    return f"<kernel>{IMAGES}/vmlinuz</kernel><initrd>{IMAGES}/guest.initrd</initrd><cmdline>{line}</cmdline>"


def define_guest(
    name, network, mac=None, kernel=False, memory=32, autostart=False, portgroup=None, ip=None, peer=None, poweroff=None
):
    """Defines a guest with a NIC in a pool, or one in each of several: network is a name or a list.

    kernel=False: a processor that halts at once, enough wherever nothing needs to run inside. (Firmware would keep the
    emulated processors busy for half a minute.)
    kernel=True: a tiny Linux that pings peer from ip through its VF and tells so on its console.
    """
    networks = [network] if isinstance(network, str) else network
    mac = f"<mac address='{mac}'/>" if mac else ""
    portgroup = f" portgroup='{portgroup}'" if portgroup else ""
    boot = f"<loader readonly='yes' type='rom'>{IMAGES}/idle.rom</loader>"
    if kernel:
        memory = max(memory, 128)
        words = [f"ip=192.0.2.{ip}", f"peer=192.0.2.{peer}"]
        words += [f"poweroff={poweroff}"] if poweroff else []
        boot = boot_linux(*words)
    interfaces = "\n    ".join(
        f"<interface type='network'><source network='{network}'{portgroup}/>{mac}</interface>" for network in networks)
    xml = f"""<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>{boot}</os>
  <features><acpi/><apic/></features>
  <devices>
    {interfaces}
    <controller type='usb' model='none'/>
    <serial type='file'><source path='{console_log(name)}'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
"""
    virsh("define", save(name, xml))
    if autostart:
        virsh("autostart", name)
    return name


def start(name, ok=True):
    if os.path.exists(console_log(name)):
        os.unlink(console_log(name))
    return virsh("start", name, ok=ok, timeout=12)


def destroy(name, ok=True):
    return virsh("destroy", name, ok=ok, timeout=12)


def undefine(name):
    virsh("undefine", name)


def is_running(name):
    return virsh("domstate", name, ok=False).stdout.strip() == "running"


def guest_mac(name, inactive=False):
    xml = virsh("dumpxml", name, *(["--inactive"] if inactive else [])).stdout
    return ET.fromstring(xml).find("devices/interface/mac").get("address")


def live_vf(name):
    """The PCI address of the VF that libvirt's live XML shows."""
    interface = ET.fromstring(virsh("dumpxml", name).stdout).find("devices/interface")
    equal(interface.get("type"), "hostdev", f"live interface type of {name}")
    return pci_text(interface.find("source/address"))


def lease_of(name):
    """The open lease of a guest, None when it has none."""
    rows = [row for row in vfpool("lease", "list") if row["guest"] == name]
    check(len(rows) <= 1, f"{name} has {len(rows)} leases: {rows}")
    return rows[0] if rows else None


def start_all(names):
    """Starts guests all at once; returns how each start ended, by name, and how long all took."""
    begin = time.monotonic()
    starts = {
        name: subprocess.Popen(["virsh", "-q", "start", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name in names}
    done = {}
    for name, process in starts.items():
        try:
            out, error = process.communicate(timeout=60 * SLOW)
        except subprocess.TimeoutExpired:
            fail(f"the start of {name} does not end")
        done[name] = subprocess.CompletedProcess(process.args, process.returncode, out, error)
    return done, time.monotonic() - begin


def active_lease(name, patience=3):
    """Waits for the lease to be active and checks it against libvirt's live XML."""
    def active():
        lease = lease_of(name)
        return lease if lease and lease["state"] == "active" else None

    lease = wait_until(active, patience, f"{name}'s lease is active")
    equal(lease["pci"], live_vf(name), f"VF in {name}'s lease against its live XML")
    equal(lease["mac"], guest_mac(name), f"MAC in {name}'s lease against its live XML")
    return lease


def wait_for_console(name, pattern, timeout=60):
    """Waits for a line on the tiny guest's console; returns the match."""
    def found():
        return re.search(pattern, read(console_log(name)) or "")

    try:
        return wait_until(found, timeout, f"{pattern} on {name}'s console")
    except Failure as failure:
        fail(f"{failure}; the console says:\n{read(console_log(name))}")


def wait_inside(name, pattern, timeout=36):
    """Like wait_for_console, for what the tiny Linux must do: an emulator in an emulator sometimes breaks the kernel
    that it runs, which then panics or hangs, and the guest is started anew, twice at most."""
    for attempt in range(3):
        if attempt:
            step(f"the emulator broke {name}'s kernel, starting it anew")
            has_lease = lease_of(name) is not None
            destroy(name)
            wait_until(lambda: lease_of(name) is None, 3, f"{name}'s lease is over")
            start(name)
            if has_lease:
                active_lease(name)
        end = time.monotonic() + timeout * SLOW
        while time.monotonic() < end:
            console = read(console_log(name)) or ""
            found = re.search(pattern, console)
            if found:
                return found
            if "Kernel panic" in console:
                break
            time.sleep(0.5)
    fail(f"{pattern} is not on {name}'s console after three starts:\n{console}")


# --- between the cases ---


def reset():
    """Brings the host back to a clean state, the ledger kept; returns what wasn't right."""
    problems = []

    def attempt(what, action):
        try:
            action()
        except Exception as error:
            problems.append(f"{what}: {error}")

    if os.path.exists("/run/vfpool/bypass"):
        os.unlink("/run/vfpool/bypass")
    run("systemctl", "kill", "-s", "CONT", "vfpoold", ok=False)
    if os.path.ismount("/var/lib/vfpool"):
        run("systemctl", "stop", "vfpoold", ok=False)
        attempt("/var/lib/vfpool", lambda: run("umount", "/var/lib/vfpool"))
    run("systemctl", "start", "vfpoold", ok=False)
    for name in virsh("list", "--name").stdout.split():
        attempt(f"destroying {name}", lambda: destroy(name))
    for name in virsh("list", "--all", "--name").stdout.split():
        attempt(f"undefining {name}", lambda: undefine(name))
    attempt("waiting for the leases to end", lambda: wait_until(lambda: not vfpool("lease", "list"), 3, "no lease is left"))
    for row in vfpool("vf", "list"):
        if row["state"] == "quarantined":
            problems.append(f"{row['pf']}/{row['index']} is quarantined: {row.get('why')}")
            attempt("unquarantine", lambda: vfpool_text("vf", "unquarantine", f"{row['pf']}/{row['index']}"))
    for name, row in pools().items():
        if row.get("mode") != "observe":
            attempt(f"removing pool {name}", lambda: vfpool_text("pool", "remove", name))
    for name in virsh("net-list", "--name").stdout.split():
        attempt(f"stopping network {name}", lambda: virsh("net-destroy", name))
    for name in virsh("net-list", "--all", "--name").stdout.split():
        attempt(f"undefining network {name}", lambda: virsh("net-undefine", name))
    for device in glob.glob("/sys/bus/netdevsim/devices/netdevsim*"):
        attempt("netdevsim", lambda: write("/sys/bus/netdevsim/del_device", device.rsplit("netdevsim", 1)[1]))
    if os.path.exists("/etc/rc.local"):
        problems.append("/etc/rc.local is left")
        os.unlink("/etc/rc.local")
    for line in (read("/var/lib/vfpool/vf-counts") or "").splitlines():
        problems.append(f"a VF count of its own is left: {line}")
        attempt(f"count of {line}", lambda: vfpool_text("pf", "set-vfs", line.split()[2], "0"))
    for pf in PFS:
        attempt(f"VFs of {pf}", lambda: set_vf_count(pf, 0))

    attempt("leases", lambda: equal(vfpool("lease", "list"), [], "leases left"))
    attempt("pools", lambda: wait_until(lambda: not pools(), 3, lambda: f"no pool is left, found {list(pools())}"))
    attempt("guests", lambda: equal(virsh("list", "--all", "--name").stdout.split(), [], "guests left"))
    attempt("networks", lambda: equal(virsh("net-list", "--all", "--name").stdout.split(), [], "networks left"))
    for pf in PFS:
        attempt(pf, lambda: equal(vf_count(pf), 0, f"VFs of {pf}"))
    attempt("vfpoold", lambda: check(is_active("vfpoold"), "vfpoold is not active"))
    return problems


def main():
    if sys.argv[1:] != ["reset"]:
        sys.exit("usage: vfpoollab.py reset")
    signal.alarm(180)
    problems = reset()
    for problem in problems:
        print(f"not clean: {problem}")
    sys.exit(1 if problems else 0)


def short_traceback(kind, error, trace):
    """A failed check shows where it stands in the case, not this file's insides."""
    if isinstance(error, Failure):
        place = [frame for frame in traceback.extract_tb(trace) if frame.filename != __file__]
        where = f"{os.path.basename(place[-1].filename)}:{place[-1].lineno}: " if place else ""
        print(f"{where}{error}", file=sys.stderr)
    else:
        traceback.print_exception(kind, error, trace)


sys.excepthook = short_traceback

if __name__ == "__main__":
    main()
