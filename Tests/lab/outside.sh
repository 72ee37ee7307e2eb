# What the cases that run outside the emulated host share (those that reboot it or cut its power). Sourced.
set -euo pipefail

lab() { "$LAB_COMMAND" "$@"; }

fail() { echo "$*" >&2; exit 1; }
note() { echo "- $*"; }

# Python from stdin, run inside the host with vfpoollab's names. Values pass from one call to the next through the
# host's disk: remember(NAME, VALUE) and recall(NAME).
inside() {
  {
    cat <<'PYTHON'
from vfpoollab import *
def remember(name, value):
    write(f"/root/lab/{name}.json", json.dumps(value))
    run("sync", "-f", "/root/lab")
def recall(name):
    return json.loads(read(f"/root/lab/{name}.json"))
PYTHON
    cat
  } | lab sh 'cd /root/lab && PYTHONPATH=/root/lab PYTHONDONTWRITEBYTECODE=1 python3 -'
}
