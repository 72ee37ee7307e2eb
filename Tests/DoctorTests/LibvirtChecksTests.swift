import Doctor
import Glibc
import HostFakes
import Testing

@Suite struct LibvirtChecksTests {
  static let hooks = ["qemu.d", "network.d", "daemon.d"].map { "/etc/libvirt/hooks/\($0)/50-vfpool" }
  static let hook = "/usr/sbin/vfpool-hook"

  /// A host whose libvirtd started after the hooks were linked.
  private func host(running: [String] = ["libvirtd"], linked: [String] = hooks) throws -> FakeHost {
    let host = try FakeHost(.intel)
    try host.file("/usr/sbin/libvirtd", "", mode: 0o755)
    try host.file(Self.hook, "", mode: 0o755)
    for path in linked { try host.link(path, to: Self.hook) }
    for (place, daemon) in running.enumerated() {
      try host.file("/run/\(daemon).pid", "\(100 + place)\n")
      try host.file("/proc/\(100 + place)/comm", "\(daemon)\n")
      try age("/run/\(daemon).pid", of: host, seconds: -60)
    }
    return host
  }

  /// How long ago a file was written.
  private func age(_ path: String, of host: FakeHost, seconds: Int) throws {
    let then = time(nil) - seconds
    let times = [timespec(tv_sec: then, tv_nsec: 0), timespec(tv_sec: then, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, host.root + path, times, 0) == 0)
  }

  @Test func enabled() throws {
    let host = try host()
    for name in CheckName.allCases where name.group == .libvirt {
      #expect(host.check(name)?.verdict == .ok, "\(String(describing: host.check(name)))")
    }
    #expect(host.check(.libvirtDaemons)?.evidence == ["libvirtd runs"])
  }

  @Test func notEnabledYet() throws {
    let host = try host(linked: [])
    #expect(host.check(.hookLinks)?.verdict == .warning)
    #expect(host.check(.hookLinks)?.fix == ["vfpool enable"])
    #expect(host.check(.hooksSeen)?.verdict == .ok)
  }

  @Test func aLinkIsMissing() throws {
    let host = try host(linked: Array(Self.hooks.dropLast()))
    let check = try #require(host.check(.hookLinks))
    #expect(check.verdict == .fault)
    #expect(check.evidence == ["\(Self.hooks[2]) is missing"])
  }

  @Test func somebodyElsesFileInTheLinksPlace() throws {
    let host = try host(linked: [])
    try host.file(Self.hooks[0], "#!/bin/sh\n")
    let check = try #require(host.check(.hookLinks))
    #expect(check.verdict == .fault)
    #expect(check.fix == ["mv \(Self.hooks[0]) \(Self.hooks[0])-other", "vfpool enable"])
  }

  @Test func aDaemonThatStartedBeforeTheLinks() throws {
    let host = try host()
    try age("/run/libvirtd.pid", of: host, seconds: 3600)
    let check = try #require(host.check(.hooksSeen))
    #expect(check.verdict == .warning)
    #expect(check.evidence[0].hasPrefix("libvirtd has run since before"))
    // It doesn't run any more: the number is another process's.
    try host.file("/proc/100/comm", "bash\n")
    #expect(host.check(.hooksSeen)?.verdict == .ok)
    #expect(host.check(.libvirtDaemons)?.verdict == .warning)
    try host.file("/run/libvirt/libvirt-sock", "")
    #expect(host.check(.libvirtDaemons)?.verdict == .ok)
  }

  @Test func bothKindsOfDaemons() throws {
    let check = try #require(host(running: ["libvirtd", "virtqemud"]).check(.libvirtDaemons))
    #expect(check.verdict == .fault)
    #expect(check.fix == ["systemctl disable --now virtqemud.socket virtqemud.service"])
    #expect(try host(running: ["virtqemud", "virtnetworkd"]).check(.libvirtDaemons)?.verdict == .ok)
  }

  @Test func noLibvirt() throws {
    let host = try FakeHost(.intel)
    #expect(host.check(.libvirtInstalled)?.fix == ["apt install libvirt-daemon-system"])
    #expect(host.check(.libvirtDaemons)?.fix == ["see libvirt-installed"])
  }

  @Test func theHookIsGone() throws {
    let host = try host()
    host.remove(Self.hook)
    #expect(host.check(.hookProgram)?.verdict == .fault)
    for path in Self.hooks { host.remove(path) }
    #expect(host.check(.hookProgram)?.verdict == .warning)
  }

  @Test func theKillSwitch() throws {
    let host = try host()
    try host.file("/run/vfpool/bypass", "")
    #expect(host.check(.hookBypass)?.verdict == .warning)
    #expect(host.check(.hookBypass)?.fix == ["rm /run/vfpool/bypass"])
  }

  @Test(
    arguments: [
      ("/etc/libvirt/hooks/qemu", "ip link set enp1s0 vf 3 trust on", 0o755, .warning),
      ("/etc/libvirt/hooks/network.d/10-vfs", "echo 4 > /sys/class/net/a/device/sriov_numvfs", 0o755, .warning),
      ("/etc/libvirt/hooks/qemu", "# ip link set enp1s0 vf 3 trust on", 0o755, .ok),
      ("/etc/libvirt/hooks/qemu", "ip link set enp1s0 vf 3 trust on", 0o644, .ok),
      ("/etc/libvirt/hooks/qemu.d/log", "logger \"$@\"", 0o755, .ok),
    ] as [(String, String, mode_t, Verdict)])
  func othersHooks(path: String, text: String, mode: mode_t, verdict: Verdict) throws {
    let host = try host()
    try host.file(path, "#!/bin/sh\n\(text)\n", mode: mode)
    let check = try #require(host.check(.otherHooks))
    #expect(check.verdict == verdict)
    #expect(verdict == .ok || check.evidence == ["\(path) writes to VFs, too"])
  }

  @Test func appArmorKeepsGuestsFromTheirVFs() throws {
    let host = try host()
    try host.file("/etc/apparmor.d/abstractions/libvirt-qemu", "# rules\n")
    let check = try #require(host.check(.guestProfile))
    #expect(check.verdict == .fault)
    #expect(check.evidence[0].contains("/etc/apparmor.d/local/abstractions/libvirt-qemu"))
    try host.file("/etc/apparmor.d/local/abstractions/libvirt-qemu", "  /dev/vfio/* rw,\n")
    #expect(host.check(.guestProfile)?.verdict == .ok)
  }
}
