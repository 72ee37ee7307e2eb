import HostConfig
import PoolModel
import Sysfs

/// libvirt's daemons, and vfpool's hooks in it.
extension Examination {
  func libvirtChecks() -> [Check] {
    [libvirtInstalled, libvirtDaemons, hookProgram, hookLinks, hooksSeen, hookBypass, otherHooks, guestProfile]
  }

  private var links: HookLinks { HookLinks(root: files.root) }
  private var isEnabled: Bool { links.linkedSince != nil }
  /// As people know it.
  private func onHost(_ path: String) -> String { String(path.dropFirst(files.root.count)) }

  private static let monolithic = "libvirtd"
  /// Those that call hooks.
  private static let modular = ["virtqemud", "virtnetworkd"]

  private func isInstalled(_ daemon: String) -> Bool {
    files.isExecutable("/usr/sbin/\(daemon)") || files.isExecutable("/usr/bin/\(daemon)")
  }

  private var libvirtInstalled: Check {
    let found = [Self.monolithic, "virtqemud"].filter(isInstalled)
    if !found.isEmpty { return Check(.libvirtInstalled, .ok, found.map { "\($0) is installed" }) }
    let step =
      switch bootLoader.family {
      case .debian: "apt install libvirt-daemon-system"
      case .grubby: "dnf install libvirt-daemon-kvm"
      case .rhel7: "yum install libvirt-daemon-kvm"
      case .suse: "zypper install libvirt-daemon-qemu"
      case .other: "install libvirt with its QEMU driver"
      }
    return Check(
      .libvirtInstalled, .fault, ["neither libvirtd nor virtqemud is installed"], fix: [step])
  }

  /// Those that run now, and since when: a daemon writes its PID into a file when it starts.
  private var running: [(daemon: String, since: Timestamp)] {
    ([Self.monolithic] + Self.modular).compactMap { daemon in
      let path = "/run/\(daemon).pid"
      guard let pid = files.text(path).flatMap({ Int($0) }), files.text("/proc/\(pid)/comm") == daemon,
        let since = files.modified(path)
      else { return nil }
      return (daemon, since)
    }
  }

  private var libvirtDaemons: Check {
    let names = running.map(\.daemon)
    if names.contains(Self.monolithic), names.count > 1 {
      return Check(
        .libvirtDaemons, .fault,
        ["\(names.joined(separator: ", ")) run side by side: each has its own idea of which VFs are taken"],
        fix: [
          "systemctl disable --now \(names.filter { $0 != Self.monolithic }.map { "\($0).socket \($0).service" }.joined(separator: " "))"
        ])
    }
    if !names.isEmpty { return Check(.libvirtDaemons, .ok, names.map { "\($0) runs" }) }
    if files.exists("/run/libvirt/libvirt-sock") || files.exists("/run/libvirt/virtqemud-sock") {
      return Check(.libvirtDaemons, .ok, ["libvirt starts when it is asked: its socket is there"])
    }
    let unit = isInstalled(Self.monolithic) ? Self.monolithic : "virtqemud"
    return Check(
      .libvirtDaemons, .warning, ["libvirt doesn't run"],
      fix: [isInstalled(unit) ? "systemctl enable --now \(unit).socket" : "see libvirt-installed"])
  }

  private var hookProgram: Check {
    let path = HookLinks.target
    if files.isExecutable(path) { return Check(.hookProgram, .ok, ["\(path) is there"]) }
    return isEnabled
      ? Check(
        .hookProgram, .fault, ["\(path) can't be run, and libvirt is to call it"],
        fix: ["install the package vfpool again, or: vfpool disable"])
      : Check(.hookProgram, .warning, ["\(path) can't be run"], fix: ["install the package vfpool"])
  }

  private var hookLinks: Check {
    let states = links.paths.map { (path: onHost($0), state: links.state($0)) }
    let foreign = states.filter { $0.state == .foreign }.map(\.path)
    if !foreign.isEmpty {
      return Check(
        .hookLinks, .fault, foreign.map { "\($0) isn't vfpool's, and has its name" },
        fix: foreign.map { "mv \($0) \($0)-other" } + ["vfpool enable"])
    }
    let absent = states.filter { $0.state == .absent }.map(\.path)
    if absent.isEmpty {
      return Check(.hookLinks, .ok, ["libvirt calls vfpool: \(states.count) links in /etc/libvirt/hooks"])
    }
    if absent.count == states.count {
      return Check(.hookLinks, .warning, ["libvirt doesn't call vfpool"], fix: ["vfpool enable"])
    }
    return Check(.hookLinks, .fault, absent.map { "\($0) is missing" }, fix: ["vfpool enable"])
  }

  /// libvirt looks for hooks when its daemons start.
  private var hooksSeen: Check {
    guard let linked = links.linkedSince else {
      return Check(.hooksSeen, .ok, ["there are no hooks of vfpool's to see"])
    }
    let running = running
    let stale = running.filter { $0.since <= linked }.map(\.daemon)
    return verdict(
      .hooksSeen, stale.map { "\($0) has run since before the hooks were linked: it may not call them" },
      or: running.isEmpty
        ? "libvirt finds the hooks when it starts" : "libvirt was started after the hooks were linked",
      fix: ["vfpool enable   # asks, then restarts it; guests keep running"])
  }

  private var hookBypass: Check {
    guard files.exists(onHost(links.bypass)) else { return Check(.hookBypass, .ok, ["the hooks aren't switched off"]) }
    return Check(
      .hookBypass, .warning, ["\(onHost(links.bypass)) is there: the hooks do nothing, and VFs go back as they are"],
      fix: ["rm \(onHost(links.bypass))"])
  }

  /// Other people's hooks that write to VFs.
  private var otherHooks: Check {
    let folder = "/etc/libvirt/hooks"
    let drivers = ["qemu", "network", "daemon"]
    let paths =
      drivers.map { "\(folder)/\($0)" }
      + drivers.flatMap { driver in
        (files.names(in: "\(folder)/\(driver).d") ?? []).map { "\(folder)/\(driver).d/\($0)" }
      }
    let ours = Set(links.paths.map(onHost))
    let found = paths.filter { path in
      guard !ours.contains(path), files.isExecutable(path), let text = files.text(path) else { return false }
      return text.split(separator: "\n").contains { line in
        !line.trimmed.hasPrefix("#")
          && (line.contains("sriov_numvfs") || line.contains("driver_override")
            || line.contains("ip link set") && line.contains(" vf "))
      }
    }
    return verdict(
      .otherHooks, found.map { "\($0) writes to VFs, too" }, or: "no other hook writes to VFs",
      fix: found.map { "chmod -x \($0)   # once the pool sets what it sets" })
  }

  private var guestProfile: Check {
    let profile = GuestProfile(root: files.root)
    guard profile.forbidsVFs else {
      return Check(
        .guestProfile, .ok,
        [
          FileAccess.exists(profile.abstraction)
            ? "AppArmor lets guests open the VFs of pools" : "AppArmor has no rules for guests here"
        ])
    }
    return Check(
      .guestProfile, isEnabled ? .fault : .warning,
      ["AppArmor keeps guests from the VFs of pools: \(onHost(profile.path)) has no rule for /dev/vfio"],
      fix: ["vfpool enable"])
  }
}
