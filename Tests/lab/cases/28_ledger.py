"""The ledger is backed up, restored, damaged and rebuilt while guests run and start."""

# timeout: 900
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
