#!/bin/bash
# The Ansible role of packaging/ makes the host what the playbook says, as a stranger would run it.
# soak
# timeout: 2400
source "$LAB_SUPPORT"

command -v ansible-playbook > /dev/null || fail "ansible-playbook is missing: install ansible-core"
roles=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../packaging/ansible/roles" && pwd)
state=$(lab folder) scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat > "$scratch/inventory" << TEXT
host ansible_host=127.0.0.1 ansible_port=${VFPOOL_LAB_PORT:-2298} ansible_user=root ansible_python_interpreter=/usr/bin/python3
TEXT
cat > "$scratch/ansible.cfg" << TEXT
[defaults]
roles_path = $roles
host_key_checking = false
timeout = 60
home = $scratch/home
nocolor = true
[ssh_connection]
pipelining = true
transfer_method = piped
ssh_args = -i $state/id -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ControlMaster=auto -o ControlPersist=60s
TEXT
cat > "$scratch/site.yml" << TEXT
- hosts: host
  gather_facts: false
  roles:
    - role: vfpool
      vars:
        vfpool_package_file: $DEB
        vfpool_enable: true
        vfpool_config:
          hook-deadline-factor: 10
          quarantine-limit: 5
        vfpool_netdefs:
          - name: spread
            src: $roles/vfpool/tests/netdefs/spread.xml.j2
TEXT
export ANSIBLE_CONFIG=$scratch/ansible.cfg LC_ALL=C.UTF-8
log=$scratch/log
play() { ansible-playbook -i "$scratch/inventory" "$scratch/site.yml" "$@" > "$log" 2>&1; }
passes() { play "$@" || { cat "$log" >&2; fail "the playbook failed"; }; }
fails() { if play "$@"; then cat "$log" >&2; fail "the playbook should have failed"; fi; }
says() { grep -qF -- "$1" "$log" || { cat "$log" >&2; fail "it doesn't say “$1”"; }; }
changes() { grep -Eq "changed=$1 " "$log" || { cat "$log" >&2; fail "expected $1 changes"; }; }

note "a host without vfpool: check mode says what would come, and does nothing"
lab sh 'vfpool disable --yes; DEBIAN_FRONTEND=noninteractive apt-get purge -y vfpool' > /dev/null 2>&1
passes --check
says "pool spread can be planned once vfpoold runs"
lab sh '! command -v vfpool && ! test -e /etc/vfpool' > /dev/null || fail "check mode left something on the host"

note "installed, configured, enabled, the pool applied"
passes
inside <<'PYTHON'
wait_until(lambda: vfpool("status")["libvirtConnected"], 6, "connected")
equal([(row["name"], row["total"], row["active"]) for row in vfpool("pool", "list")], [("spread", 14, True)], "pools")
contains(read("/etc/vfpool/vfpool.conf"), "quarantine-limit = 5", "vfpool.conf")
equal(run("systemctl", "is-enabled", "vfpoold").stdout.strip(), "enabled", "vfpoold at boot")
define_guest("web", "spread")
start("web")
remember("web", {"pid": read("/run/libvirt/qemu/web.pid"), "pci": active_lease("web")["pci"], "daemon": main_pid("vfpoold")})
PYTHON

note "a second run changes nothing, nor does check mode announce anything"
passes
changes 0
passes --check
changes 0

note "a changed netdef: announced, then done, under a running guest"
sed 's|policy="spread"/>|policy="spread" quota="2"/>|' "$roles/vfpool/tests/netdefs/spread.xml.j2" > "$scratch/spread.xml.j2"
sed -i "s|src: .*|src: $scratch/spread.xml.j2|" "$scratch/site.yml"
passes --check
says "quota"
inside <<< 'equal(vfpool("pool", "show", "spread")["pool"]["placement"].get("quota"), None, "the quota in check mode")'
passes
passes
changes 0
inside <<< 'equal(vfpool("pool", "show", "spread")["pool"]["placement"]["quota"], 2, "the quota")'

note "a change that would take the guest's VF is refused with its reason"
fails -e test_vfs=1
says "web"
inside <<'PYTHON'
before = recall("web")
check(is_running("web"), "the guest doesn't run any more")
equal((read("/run/libvirt/qemu/web.pid"), active_lease("web")["pci"], main_pid("vfpoold")), (before["pid"], before["pci"], before["daemon"]), "the guest, its VF, vfpoold")
destroy("web")
PYTHON
