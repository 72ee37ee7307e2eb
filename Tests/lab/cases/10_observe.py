"""A pool made by virsh, with running guests, is adopted in observe mode: all is shown and nothing is written."""

# timeout: 900
from vfpoollab import *

# The VFs were a pool's once, and are the admin's since.
make_pool("earlier", [("enp2s0", None)])
vfpool_text("pool", "remove", "earlier")
for pf in PFS:
    set_vf_count(pf, VFS_A_PF)
for index in (1, VFS_A_PF - 1):
    run("ip", "link", "set", "enp2s0", "vf", str(index), "trust", "on", "max_tx_rate", "300")
run("systemctl", "stop", "vfpoold")
virsh("net-define", save("plain", """<network>
  <name>plain</name>
  <forward mode='hostdev' managed='yes'><driver name='vfio'/><pf dev='enp2s0'/></forward>
  <vlan><tag id='7'/></vlan>
</network>"""))
virsh("net-start", "plain")
for name in ("a", "b", "c"):
    define_guest(name, "plain")
start("a")
start("b")


def plan_of_enforce(code=3):
    done = run("vfpool", "pool", "enforce", "plain", "--plan", "--json", ok=False)
    equal(done.returncode, code, f"exit code of pool enforce --plan ({done.stdout}{done.stderr})")
    return json.loads(done.stdout)


def snapshot():
    return {
        "vfs": [vf_states(pf) for pf in PFS], "counts": [vf_count(pf) for pf in PFS],
        "live": virsh("net-dumpxml", "plain").stdout, "inactive": virsh("net-dumpxml", "--inactive", "plain").stdout,
        "ports": ports("plain"), "drivers": [driver_of(vf_pci(pf, n)) for pf in PFS for n in range(VFS_A_PF)],
    }


before = snapshot()
step("vfpoold sees the pool and its guests")
run("systemctl", "start", "vfpoold")
wait_until(lambda: "plain" in pools(), 5, "the pool is known")
equal(pools()["plain"]["mode"], "observe", "mode of the pool")
wait_until(lambda: lease_of("a") and lease_of("b"), 5, "the guests are adopted")
for name in ("a", "b"):
    active_lease(name)
equal(vf_row(live_vf("a"))["guest"], "a", "guest of a's VF")

step("and changes nothing, by itself or when it reconciles")
vfpool_text("reconcile")
equal(snapshot(), before, "the host afterwards")

step("nor when a guest starts and stops, nor for a plan: no write to the kernel, no hold")
trace = subprocess.Popen(
    ["strace", "-f", "-qq", "-s", "64", "-e", "trace=sendmsg,sendto,openat", "-o", "/tmp/trace", "-p", str(main_pid("vfpoold"))])
time.sleep(2)
start("c")
owners = {port["owner"] for port in ports("plain").values()}
active_lease("c")
vfpool("vf", "list")
earlier = plan_of_enforce()
destroy("c")
wait_until(lambda: lease_of("c") is None, 5, "c's lease is over")
trace.send_signal(signal.SIGINT)
trace.wait(30)
equal(owners, {"a", "b", "c"}, "owners of the ports")
calls = read("/tmp/trace")
contains(calls, "RTM_GETLINK", "strace shows what vfpoold asks by netlink")
for line in calls.splitlines():
    check("RTM_SETLINK" not in line and "RTM_NEWLINK" not in line, f"a write by netlink: {line}")
    check(not ("/sys/" in line and re.search(r"O_WRONLY|O_RDWR", line)), f"a write to sysfs: {line}")
equal(without_mac(vf_state("enp2s0", 1)), without_mac(before["vfs"][1][1]), "the VF that an admin had changed")
equal(ports("plain"), before["ports"], "ports afterwards")

step("a plan of the enforcing names the guests and what is done, also when somebody has changed a guest's VF")
run("ip", "link", "set", "enp2s0", "vf", str(lease_of("a")["index"]), "trust", "on")
before = snapshot()
plan = plan_of_enforce()
contains(" ".join(plan["steps"]), f"record the baselines of {VFS_A_PF - 2} free VFs", "steps of the plan")
contains(" ".join(plan["notes"]), "guests a, b keep their VFs as they are", "notes of the plan")
equal(snapshot(), before, "the host after the plan")
contains(vfpool_refused("pool", "enforce", "plain", "--if-plan", earlier["token"]), "the state has moved", "the refusal")
equal((pools()["plain"]["mode"], snapshot()), ("observe", before), "mode and host after the refusal")

step("enforced, it is vfpool's: the running guests' VFs stay as they are, the next guest's VF comes back clean")
states = [vf_states(pf) for pf in PFS]
report = vfpool("pool", "enforce", "plain", "--if-plan", plan["token"])
contains(str(report["notes"]), "guests a, b keep their VFs", "what enforce says")
equal(pools()["plain"]["mode"], "enforce", "mode of the pool")
equal(drifts(), [], "drifts")
vfpool_text("reconcile")
equal([vf_states(pf) for pf in PFS], states, "VFs after enforce")
again = plan_of_enforce(code=0)
equal((again["steps"], again["notes"]), ([], ["pool plain is enforced already"]), "plan of what is done")
start("c")
lease = active_lease("c")
run("ip", "link", "set", lease["pf"], "vf", str(lease["index"]), "trust", "on", "max_tx_rate", "100")
destroy("c")
wait_until(lambda: lease_of("c") is None, 5, "c's lease is over")
equal([vf_states(pf) for pf in PFS], states, "VFs after c's stop")
