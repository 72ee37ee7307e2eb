"""The ledger is backed up, restored, damaged and rebuilt while guests run and start."""

# timeout: 900
import errno
import shutil

from vfpoollab import *

BACKUP = "/root/lab/backup.sqlite"

make_pool("p", [("enp1s0", None)])
for name in ("a", "b", "c"):
    define_guest(name, "p")
start("a")
active_lease("a")

step("check and backup")
survey = vfpool("ledger", "check")
equal((survey["faults"], survey["rows"]["lease"]), ([], 1), "the ledger")
if os.path.exists(BACKUP):
    os.unlink(BACKUP)
vfpool_text("ledger", "backup", BACKUP)
equal(oct(os.stat(BACKUP).st_mode & 0o777), "0o600", "rights of the backup")
vfpool_refused("ledger", "backup", BACKUP)
start("b")
active_lease("b")

step("restore: who started since is met again")
vfpool_refused("ledger", "restore", "/etc/passwd", "--yes")
equal(sorted(row["guest"] for row in vfpool("lease", "list")), ["a", "b"], "leases after a refused restore")
vfpool_text("ledger", "restore", BACKUP, "--yes")
wait_until(lambda: lease_of("a") and lease_of("b"), 6, "both have leases")
for name in ("a", "b"):
    equal(active_lease(name)["pci"], live_vf(name), f"VF of {name}")
nothing_to_do()

step("a full disk: changes are refused, guests start and stop")
run("systemctl", "stop", "vfpoold")
run("cp", "-a", "/var/lib/vfpool", "/root/lab/state")
run("mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "full", "/var/lib/vfpool")
run("cp", "-a", "/root/lab/state/.", "/var/lib/vfpool")
run("systemctl", "start", "vfpoold")
wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "connected")
filler = open("/var/lib/vfpool/filler", "wb", buffering=0)
try:
    while True:
        filler.write(bytes(4096))
except OSError as error:
    equal(error.errno, errno.ENOSPC, "the disk")
# The log's pages that are there already can still be used.
for attempt in range(200):
    refused = run("vfpool", "vf", "quarantine", "enp1s0/6", "--why", f"attempt {attempt}", ok=False)
    if refused.returncode != 0:
        break
equal(refused.returncode, 1, "a change on a full disk")
contains(refused.stderr, "ledger", "why")
start("c")
destroy("b")
check(is_running("c") and is_running("a"), "guests run")
check(any("ledger can't be written" in text for text in vfpool("status")["problems"]), "status doesn't say so")
filler.close()
os.unlink("/var/lib/vfpool/filler")
wait_until(lambda: lease_of("c") and lease_of("b") is None, 75, "what was missed is made good")
run("vfpool", "vf", "unquarantine", "enp1s0/6", ok=False)
nothing_to_do(75)
for name in ("a", "c"):
    equal(active_lease(name)["pci"], live_vf(name), f"VF of {name}")
check(not any("ledger" in text for text in vfpool("status")["problems"]), "the problem is still told")
destroy("c")
start("b")
active_lease("b")
run("systemctl", "stop", "vfpoold")
run("cp", "-a", "/var/lib/vfpool/.", "/root/lab/state")
run("umount", "/var/lib/vfpool")
run("cp", "-a", "/root/lab/state/.", "/var/lib/vfpool")
shutil.rmtree("/root/lab/state")
run("systemctl", "start", "vfpoold")
wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "connected")

step("damaged: vfpoold only looks, guests start")
run("systemctl", "stop", "vfpoold")
pool_page = int(run("stat", "-c", "%s", LEDGER).stdout) // 4096
with open(LEDGER, "r+b") as file:
    for page in range(2, pool_page):
        file.seek(page * 4096)
        file.write(b"\xff" * 4096)
for part in ("-wal", "-shm"):
    if os.path.exists(LEDGER + part):
        os.unlink(LEDGER + part)
saved = read("/var/lib/vfpool/vf-counts")
run("systemctl", "start", "vfpoold")
wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "connected")
wait_until(lambda: lease_of("a") and lease_of("b"), 6, "what runs is shown")
check(any("ledger" in problem and "damaged" in problem for problem in vfpool("status")["problems"]), "it isn't said")
equal(pools()["p"]["mode"], "observe", "mode of the pool")
contains(vfpool_refused("vf", "quarantine", "enp1s0/6", "--why", "x"), "ledger", "why nothing is changed")
start("c")
wait_until(lambda: lease_of("c"), 6, "c is seen")
destroy("c")
equal(read("/var/lib/vfpool/vf-counts"), saved, "saved VF counts")
check(vfpool_text("ledger", "check", ok=False).returncode == 1, "check finds nothing wrong")

step("rebuilt")
survey = vfpool("ledger", "rebuild", "--yes")
equal(survey["faults"], [], "faults of the new one")
check(os.path.exists(survey["aside"]), "the old one isn't aside")
wait_until(lambda: lease_of("a") and lease_of("b"), 6, "what runs is taken over")
vfpool_text("pool", "apply", "/tmp/p.xml")
run("vfpool", "pool", "enforce", "p", ok=False)
wait_until(lambda: pools()["p"]["mode"] == "enforce", 3, "the pool is what it was")
destroy("a")
wait_until(lambda: lease_of("a") is None, 3, "a's lease is closed")
start("c")
active_lease("c")
nothing_to_do()
