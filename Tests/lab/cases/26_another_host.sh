#!/bin/bash
# A guest moves to another host, whose cards sit in other slots and have other names: the same netdef and the same guest's
# XML do there, unchanged, and the guest keeps its MAC. Then it moves back.
# timeout: 1500
# soak
source "$LAB_SUPPORT"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# What both hosts are given: the pool as an admin wrote it, and the guest as the first host has it.
check_guest() {
  inside <<'PYTHON'
report = vfpool("pool", "apply", "/root/lab/netdefs/selectors.xml")[0]
wait_for_carrier(row["name"] for row in vfpool("pf", "list"))
print("  " + "; ".join(report["notes"]), flush=True)
wait_until(lambda: "selectors" in active_networks(), 3, "the pool's network is active")
if os.path.exists("/root/lab/moves.xml"):
    virsh("define", "/root/lab/moves.xml")
else:
    define_guest("moves", "selectors")
start("moves")
lease = active_lease("moves")
cards = {row["name"]: row["pci"] for row in vfpool("pf", "list")}
print(f"  it has VF {lease['pf']}/{lease['index']} at {lease['pci']}, the cards are {cards}", flush=True)
equal(len(cards), 2, "cards with VFs")
equal(pools()["selectors"]["total"], 12, "VFs of the pool")
equal(live_vf("moves"), lease["pci"], "the VF in the guest's live XML")
equal(guest_mac("moves"), lease["mac"], "MAC of the lease")
equal(vf_state(lease["pf"], lease["index"])["mac"], lease["mac"], "MAC on the wire")
write("/root/lab/moves.json", json.dumps({"mac": lease["mac"], "pci": lease["pci"], "cards": cards}))
write("/root/lab/moved.xml", virsh("dumpxml", "--inactive", "moves").stdout)
destroy("moves")
wait_until(lambda: lease_of("moves") is None, 3, "the lease is over")
undefine("moves")
nothing_to_do()
PYTHON
}

note "the first host"
check_guest
lab get /root/lab/moves.json "$folder/first.json"
lab get /root/lab/moved.xml "$folder/moves.xml"
lab sh sync
lab set-aside first-host

note "another host"
lab fresh "$DEB" --moved
root=$(dirname "$LAB_COMMAND")
lab sh 'mkdir -p /root/lab'
lab put "$root/vfpoollab.py" /root/lab/vfpoollab.py
lab put "$root/../../netdefs" /root/lab/netdefs
lab put "$folder/moves.xml" /root/lab/moves.xml
check_guest
lab get /root/lab/moves.json "$folder/second.json"
lab get /root/lab/moved.xml "$folder/back.xml"
cmp "$folder/moves.xml" "$folder/back.xml" || fail "the second host has changed the guest's definition"

note "and back"
lab put-back first-host
lab put "$folder/back.xml" /root/lab/moves.xml
inside <<'PYTHON'
wait_until(lambda: is_active("vfpoold") and vfpool("status")["libvirtConnected"], 6, "vfpoold runs")
PYTHON
check_guest
lab get /root/lab/moved.xml "$folder/third.xml"
cmp "$folder/moves.xml" "$folder/third.xml" || fail "its definition isn't what it was"
for host in first second; do lab put "$folder/$host.json" "/root/lab/$host.json"; done
inside <<'PYTHON'
first, second, third = (recall(name) for name in ("first", "second", "moves"))
equal({first["mac"], second["mac"], third["mac"]}, {first["mac"]}, "MACs of the guest")
check(not set(second["cards"].values()) <= set(first["cards"].values()), f"the cards sit where they sat: {second['cards']}")
PYTHON
