"""Guests start and stop when vfpoold is stopped, killed or hangs; what happened meanwhile is known afterwards."""

# timeout: 900
from vfpoollab import *

make_pool("p", [("enp1s0", None)])
for name in ("a", "b", "c", "d"):
    define_guest(name, "p")


def start_within(name, seconds):
    begin = time.monotonic()
    start(name)
    took = time.monotonic() - begin
    step(f"{name} started in {took:.0f} s")
    check(took < seconds * SLOW, f"{name} took {took:.0f} s, allowed are {seconds * SLOW} s")


start_within("d", 2)
active_lease("d")

step("stopped")
run("systemctl", "stop", "vfpoold")
done = run("vfpool", "status", ok=False)
equal(done.returncode, 4, "exit code of vfpool without vfpoold")
start_within("a", 2)
destroy("d")
run("systemctl", "start", "vfpoold")
wait_until(lambda: lease_of("a"), 5, "a is adopted")
active_lease("a")
wait_until(lambda: lease_of("d") is None, 5, "d's lease is closed")

step("killed")
run("systemctl", "kill", "-s", "KILL", "vfpoold")
start_within("b", 2)
wait_until(lambda: is_active("vfpoold"), 3, "systemd started vfpoold again")
wait_until(lambda: lease_of("b"), 5, "b is adopted")
active_lease("b")

step("hanging")
run("systemctl", "kill", "-s", "STOP", "vfpoold")
try:
    start_within("c", 6)
    destroy("b")
finally:
    run("systemctl", "kill", "-s", "CONT", "vfpoold")
wait_until(lambda: lease_of("c"), 5, "c is adopted")
active_lease("c")
wait_until(lambda: lease_of("b") is None, 5, "b's lease is closed")

step("nothing is left behind")
equal(sorted(row["guest"] for row in vfpool("lease", "list")), ["a", "c"], "guests with leases")
equal(sorted(port["owner"] for port in ports("p").values()), ["a", "c"], "owners of libvirt's ports")
equal(drifts(), [], "drifts")
