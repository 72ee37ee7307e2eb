#!/bin/bash
# A real vfpoold in a fleet with a real etcd: what another host has is refused through libvirt, etcd's absence holds no guest
# up, and what was missed is told afterwards.
# soak
# timeout: 900
source "$LAB_SUPPORT"

programs=$("$(dirname "${BASH_SOURCE[0]}")/../../debian-programs" 'etcd etcdctl' etcd-server etcd-client)
state=$(lab folder) scratch=$(mktemp -d) port=23790
etcd=
tunnel=
start_etcd() {
  "$programs/etcd" --data-dir "$scratch/etcd" --listen-client-urls "http://127.0.0.1:$port" \
    --advertise-client-urls "http://127.0.0.1:$port" --listen-peer-urls "http://127.0.0.1:$((port + 1))" --log-level warn \
    > "$scratch/log" 2>&1 &
  etcd=$!
  for _ in $(seq 100); do
    ETCDCTL_API=3 "$programs/etcdctl" --endpoints "127.0.0.1:$port" endpoint health > /dev/null 2>&1 && return
    sleep 0.2
  done
  cat "$scratch/log" >&2
  fail "etcd doesn't come up"
}
control() { ETCDCTL_API=3 "$programs/etcdctl" --endpoints "127.0.0.1:$port" "$@"; }
trap 'kill $etcd $tunnel 2> /dev/null || true; rm -rf "$scratch"' EXIT

start_etcd
ssh -N -p "${VFPOOL_LAB_PORT:-2298}" -i "$state/id" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
  -o LogLevel=ERROR -o ExitOnForwardFailure=yes -R "2379:127.0.0.1:$port" root@127.0.0.1 < /dev/null &
tunnel=$!

note "in the fleet"
inside <<'PYTHON'
make_pool("shared", [("enp1s0", None)])
with open("/etc/vfpool/vfpool.conf", "a") as conf:
    conf.write("fleet = http://127.0.0.1:2379\nfleet-host = lab\nfleet-heartbeat = 10\n")
run("systemctl", "restart", "vfpoold")
wait_until(lambda: run("vfpool", "fleet", "status", ok=False).returncode == 0, 20, "in the fleet")
wait_until(lambda: [row["free"] for row in vfpool("fleet", "place", "--pool", "shared")] == [7], 10, "the pool is told")
for name in ("near", "second"):
    define_guest(name, "shared")
start("near")
wait_until(lambda: [(row["host"], row["live"], row["bound"]) for row in vfpool("fleet", "find", "--guest", "near")] == [("lab", True, True)],
           10, "near is told")
remember("mac", guest_mac("second", inactive=True))
PYTHON
mac=$(inside <<< 'print(recall("mac"))')

note "a MAC that is live on another host is refused by name"
control put "/vfpool/v1/live/$mac/other" '{"guest":{"name":"far","uuid":"00000000-0000-4000-8000-00000000aaaa"},"pool":"away"}' > /dev/null
inside <<'PYTHON'
refused = start("second", ok=False)
contains(refused.stderr, "which guest far uses on host other (pool away)", "what virsh shows")
check(not is_running("second"), "second runs")
PYTHON
control del "/vfpool/v1/live/$mac/other" > /dev/null
inside <<'PYTHON'
start("second")
active_lease("second")
destroy("second")
PYTHON

note "without etcd guests start and stop, and status says so"
kill "$etcd"
wait "$etcd" 2> /dev/null || true
inside <<'PYTHON'
wait_until(lambda: run("vfpool", "fleet", "status", ok=False).returncode == 1, 30, "the fleet is away")
begin = time.monotonic()
start("second")
print(f"  a start took {time.monotonic() - begin:.1f} s")
active_lease("second")
check(any("guests start with what this host knows" in text for text in vfpool("status")["problems"]), "status doesn't say so")
destroy("near")
wait_until(lambda: lease_of("near") is None, 3, "near's lease is closed")
PYTHON

note "back, it is told what it missed"
start_etcd
inside <<'PYTHON'
wait_until(lambda: [row["live"] for row in vfpool("fleet", "find", "--guest", "second")] == [True], 60, "second is told")
equal([row["live"] for row in vfpool("fleet", "find", "--guest", "near")], [False], "near runs no more")
destroy("second")
text = "".join(line for line in open("/etc/vfpool/vfpool.conf") if not line.startswith("fleet"))
write("/etc/vfpool/vfpool.conf", text)
run("systemctl", "restart", "vfpoold")
wait_until(lambda: vfpool("status")["libvirtConnected"], 10, "connected")
equal(run("vfpool", "fleet", "status", ok=False).returncode, 1, "in no fleet")
PYTHON
