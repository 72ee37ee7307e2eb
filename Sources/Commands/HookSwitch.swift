import ControlAPI
import HostConfig

/// Puts vfpool's hooks into libvirt and takes them out.
///
/// libvirt decides when its daemon starts whether a driver has hooks at all; if so, it lists the `*.d` folder anew at
/// each call and skips what isn't executable (`virHookCheck`, `virHookCall` in its src/util/virhook.c). So new links may
/// need a restart, and removed ones are forgotten at once.
struct HookSwitch {
  var links = HookLinks()
  var profile = GuestProfile()
  var services = LibvirtServices.host
  var client: ControlClient
  var console = Console.current

  func enable(yes: Bool) throws(CommandError) {
    try links.check()
    let running = try services.running(now: console.now())
    let stale = running.filter { daemon in links.linkedSince.map { daemon.since <= $0 } ?? true }.map(\.unit)
    if links.linkedSince != nil, stale.isEmpty {
      if links.isBypassed { noteInAudit() }
      if try links.removeBypass() { console.write("removed \(links.bypass): the hooks work again\n") }
      try allowVFs()
      console.write("already enabled\n")
      return adviseOnDaemon()
    }
    if !stale.isEmpty, !yes {
      try console.confirm(
        "This links vfpool's hooks into libvirt and restarts \(stale.joined(separator: " and ")); guests keep running.",
        instead: "vfpool enable restarts \(stale.joined(separator: " and ")): say --yes")
    }
    noteInAudit()
    try allowVFs()
    for path in try links.make() { console.write("linked \(path)\n") }
    if try links.removeBypass() { console.write("removed \(links.bypass)\n") }
    if stale.isEmpty {
      console.write("libvirt isn't running; it will find the hooks when it starts\n")
    } else {
      try services.restart(stale)
      console.write("restarted \(stale.joined(separator: " and ")); guests kept running\n")
    }
    console.write("enabled\n")
    adviseOnDaemon()
  }

  /// Before anything is changed; without vfpoold the journal of libvirt's restart is what tells.
  private func noteInAudit() { _ = try? client.enable() }

  private func allowVFs() throws(CommandError) {
    if try profile.allow() { console.write("AppArmor lets guests open the VFs of pools: \(profile.path)\n") }
  }

  func disable(yes: Bool) throws(CommandError) {
    if !yes, links.paths.contains(where: { links.state($0) != .absent && links.state($0) != .foreign }) {
      let open = (try? client.leases().count) ?? 0
      if open > 0 {
        try console.confirm(
          """
          \(open) \(open == 1 ? "lease is" : "leases are") open. Without the hooks nothing brings a VF back to its \
          baseline when its guest stops.
          """,
          instead: "\(open) \(open == 1 ? "lease is" : "leases are") open: say --yes to take the hooks out all the same"
        )
      }
    }
    // The links first: no hook can then ask for a new hold.
    let removed = try links.remove()
    for path in removed { console.write("removed \(path)\n") }
    if try profile.forbid() { console.write("took the rule for VFs out of \(profile.path)\n") }
    for path in links.paths where links.state(path) == .foreign {
      console.complain("note: \(path) isn't vfpool's: left as it is\n")
    }
    do throws(ControlClientError) {
      for step in try client.disable().steps { console.write("\(step)\n") }
    } catch {
      // Where nothing was linked there are none.
      if !removed.isEmpty { console.complain("note: vfpoold couldn't drop its holds: \(error.text)\n") }
    }
    console.write(removed.isEmpty ? "already disabled\n" : "disabled; libvirt needs no restart, guests keep running\n")
  }

  /// Hooks without vfpoold let every guest start, with whatever VF libvirt picks.
  private func adviseOnDaemon() {
    do throws(ControlClientError) {
      _ = try client.status()
    } catch {
      console.complain("note: \(error.text)\n")
    }
  }
}
