"""What operators look at while guests come and go: watch, metrics, audit, web page; and who is let in."""

# timeout: 900
from vfpoollab import *

RO = "/run/vfpool/vfpool-ro.sock"


def ask(path, *options, socket=RO):
    """A GET, its status and its body."""
    done = run("curl", "-sS", "-o", "/root/lab/answer", "-w", "%{http_code}", "--unix-socket", socket, *options,
               f"http://localhost{path}", ok=False)
    return done.stdout, read("/root/lab/answer")


def sample(text, name, **labels):
    """The value of one sample."""
    for line in text.splitlines():
        found = re.fullmatch(re.escape(name) + r"(?:\{(.*)\})? (\S+)", line)
        if found and all(f'{key}="{value}"' in (found[1] or "") for key, value in labels.items()):
            return float(found[2])
    fail(f"no sample {name} with {labels} in:\n{text}")


make_pool("p", [("enp1s0", None)], vf='trust="on"')
for name in ("a", "b"):
    define_guest(name, "p")

step("watch")
events = open("/root/lab/events", "w")
watch = subprocess.Popen(["vfpool", "watch", "--json"], stdout=events, stderr=open("/root/lab/watch-errors", "w"))


def rows():
    # The last line may be under way.
    return [json.loads(line) for line in open("/root/lab/events").read().split("\n")[:-1]]


def told(kind, **fields):
    def find():
        return next((row for row in rows() if row["kind"] == kind
                     and all(row[key] == value for key, value in fields.items())), None)
    return wait_until(find, 6, lambda: f"{kind} with {fields} is told, there are {[row['kind'] for row in rows()]}")


time.sleep(2)
start("a")
opened = told("leaseOpened", guest="a", pool="p")
active = told("leaseActive", guest="a", pool="p")
equal((active["lease"], active["pci"], active["mac"]), (opened["lease"], live_vf("a"), guest_mac("a")), "the lease")
vfpool_text("vf", "quarantine", "enp1s0/6", "--why", "an operator's wish")
told("quarantined", pf="enp1s0", index=6, reason="an operator's wish")
vfpool_text("vf", "unquarantine", "enp1s0/6")
told("unquarantined", pf="enp1s0", index=6)
vf = next(row for row in pool_vfs("p") if row["state"] == "free")
run("ip", "link", "set", vf["pf"], "vf", str(vf["index"]), "spoofchk", "off")
run("vfpool", "reconcile")
told("repaired", reason="offBaseline")
clash = guest_mac("a")
define_guest("twin", "p", mac=clash)
start("twin", ok=False)
told("refused", guest="twin", pool="p", reason="macConflict")
undefine("twin")
step("vfpoold is restarted under it")
run("systemctl", "restart", "vfpoold")
start("b")
told("leaseActive", guest="b", pool="p")
destroy("a")
told("leaseClosed", guest="a", reason="guest stopped")
check(watch.poll() is None, "watch has ended")
ids = [row["id"] for row in rows() if "id" in row]
equal(ids, sorted(set(ids)), "ids of the events")
watch.terminate()
watch.wait()
contains(read("/root/lab/watch-errors"), "waiting for it", "what watch says while vfpoold is away")

step("metrics")
start("a")
active_lease("a")
index, pci = vf_row(live_vf("a"))["index"], live_vf("a")
status, text = ask("/metrics")
equal(status, "200", "status")
equal(sample(text, "vfpool_pool_vfs", pool="p", state="leased"), 2, "leased VFs")
equal(sample(text, "vfpool_leases", pool="p", state="active"), 2, "active leases")
equal(sample(text, "vfpool_vf_info", guest="a", pciAddr=pci, mac=guest_mac("a")), 1, "who has the VF")
check(sample(text, "vfpool_hook_duration_seconds_count", step="prepare") >= 2, "prepares")
equal(sample(text, "vfpool_hooks_enabled"), 1, "hooks")
equal(sample(text, "vfpool_libvirt_connected"), 1, "libvirt")
node = vf_row(pci)["numaNode"]
for name in ("rx_bytes", "tx_bytes", "rx_packets", "tx_packets", "rx_dropped", "tx_dropped"):
    sample(text, f"sriov_vf_{name}", pf="enp1s0", vf=index, pciAddr=pci, numa_node=-1 if node is None else node)
newer = ask("/metrics", "-H", "Accept: application/openmetrics-text; version=1.0.0")[1]
check(newer.endswith("\n# EOF") or newer.endswith("# EOF"), "the end of OpenMetrics text")
equal(run("vfpool", "metrics").stdout.count("# TYPE vfpool_pool_vfs gauge"), 1, "families that the CLI prints")

step("audit")
vfpool_text("vf", "quarantine", "enp1s0/6", "--why", "again")
vfpool_refused("vf", "quarantine", "enp1s0/66", "--why", "no such VF")
audit = vfpool("audit", "list", "--limit", "2")
equal([row["operation"] for row in audit], ["POST /v1/vfs/quarantine"] * 2, "operations")
equal((audit[1]["outcome"], audit[1]["uid"], audit[1]["user"]), ("done", 0, "root"), "the first")
contains(audit[0]["outcome"], "notFound", "the second's outcome")
vfpool_text("vf", "unquarantine", "enp1s0/6")
contains(run("journalctl", "-u", "vfpoold", "-b", "--no-pager").stdout, "POST /v1/vfs/unquarantine", "journal")
contains(vfpool_text("audit", "list").stdout, "root", "the table")

step("who is let in")
run("groupadd", "-f", "guests-lookers")
for user, group in (("reader", "libvirt"), ("changer", "vfpool"), ("nobody2", "guests-lookers")):
    run("useradd", "-M", "-s", "/usr/sbin/nologin", "-G", group, user, ok=False)
as_user = lambda user, *command: run("setpriv", f"--reuid={user}", "--regid=nogroup", "--init-groups", *command, ok=False)
equal(as_user("reader", "vfpool", "status", "--json").returncode, 0, "a member of libvirt reads")
equal(as_user("reader", "vfpool", "vf", "quarantine", "enp1s0/6", "--why", "x").returncode, 1, "and changes nothing")
equal(as_user("changer", "vfpool", "vf", "quarantine", "enp1s0/6", "--why", "by a member").returncode, 0, "vfpool changes")
equal(vfpool("audit", "list", "--limit", "1")[0]["user"], "changer", "who it was")
equal(as_user("changer", "vfpool", "vf", "unquarantine", "enp1s0/6").returncode, 0, "and back")
refused = as_user("nobody2", "vfpool", "status")
equal(refused.returncode, 1, "others")
contains(refused.stderr, "no permission", "what they are told")
uid = run("id", "-u", "nobody2").stdout.strip()
contains(run("journalctl", "-u", "vfpoold", "-b", "--no-pager").stdout, f"refused uid {uid}", "journal")

step("strangers who connect all the time hold no guest up, and fill no journal")
STRANGER = """
import socket, time
end, held = time.monotonic() + 30, []
while time.monotonic() < end:
    with socket.socket(socket.AF_UNIX) as other:
        other.settimeout(1)
        try:
            other.connect("%s")
            other.sendall(b"GET /v1/status HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n")
            other.recv(1000)
        except OSError:
            pass
    time.sleep(0.02)
""" % RO
strangers = [subprocess.Popen(["setpriv", "--reuid=nobody2", "--regid=nogroup", "--init-groups", "python3", "-c", STRANGER])
             for _ in range(2)]
time.sleep(2)
destroy("b")
start("b")
active_lease("b")
check(all(stranger.poll() is None for stranger in strangers), "the strangers have ended too early")
for stranger in strangers:
    stranger.wait(60)
lines = run("journalctl", "-u", "vfpoold", "-b", "--no-pager").stdout.splitlines()
told = [line for line in lines if f"refused uid {uid}" in line]
check(1 <= len(told) <= 4, f"{len(told)} lines")

step("hooks that are switched off are a problem")
write("/run/vfpool/bypass", "")
contains(vfpool("status")["problems"][0], "/run/vfpool/bypass switches vfpool's hooks off", "the first problem")
contains(run("vfpool", "metrics").stdout, "\nvfpool_hooks_enabled 0\n", "the metric")
contains(vfpool_text("enable", "--yes").stdout, "removed /run/vfpool/bypass", "enable")
equal([text for text in vfpool("status")["problems"] if "hooks" in text], [], "problems")

step("web page")
write("/etc/vfpool/vfpool.conf", read("/etc/vfpool/vfpool.conf") + "\nweb-listen = 127.0.0.1:8421\n")
run("systemctl", "restart", "vfpoold")
page = wait_until(lambda: run("curl", "-sS", "-i", "http://127.0.0.1:8421/", ok=False).stdout, 6, "the page")
contains(page, "default-src 'none'", "the policy")
token = read("/var/lib/vfpool/web-token")
equal(oct(os.stat("/var/lib/vfpool/web-token").st_mode & 0o777), "0o600", "rights of the token")
code = lambda *options: run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *options).stdout
equal(code("http://127.0.0.1:8421/v1/status"), "401", "without the token")
contains(run("journalctl", "-u", "vfpoold", "-b", "--no-pager").stdout, "refused GET /v1/status", "journal")
equal(code("-H", f"Authorization: Bearer {token}", "http://127.0.0.1:8421/v1/status"), "200", "with it")
equal(code("-H", f"Authorization: Bearer {token}", "-X", "POST", "http://127.0.0.1:8421/v1/disable"), "404", "a change")
equal(code("-H", "Host: evil.example", "http://127.0.0.1:8421/"), "403", "another host's name")
equal(ask("/", socket=RO)[0], "200", "the page on the Unix socket")
equal(ask("/openapi.json", socket=RO)[0], "200", "the API's description")
write("/etc/vfpool/vfpool.conf", read("/etc/vfpool/vfpool.conf").replace("\nweb-listen = 127.0.0.1:8421", "") + "\n")
run("systemctl", "restart", "vfpoold")
