import Foundation
import Glibc

/// Hosts of their own, made of network namespaces, which this process reaches over a link. Gone when released.
public final class TestNetwork: Sendable {
  private let hosts: Int
  private let name: String
  /// This process's side.
  private let link = "vfe-\(String(UInt32.random(in: 0...UInt32.max), radix: 16))"
  /// The first three bytes of the addresses.
  private let prefix: String

  /// Whether this process may make one.
  public static var isPossible: Bool {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let rights = line.flatMap { UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) } ?? 0
    // CAP_NET_ADMIN, CAP_SYS_ADMIN
    let needed: UInt64 = 1 << 12 | 1 << 21
    return rights & needed == needed && ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].contains(where: Command.exists)
  }

  public init(hosts: Int) async throws {
    self.hosts = hosts
    name = "\(Self.mark)\(getpid())-\(UInt16.random(in: 0...UInt16.max))"
    prefix = "198.18.\(UInt8.random(in: 0...UInt8.max))"
    await Self.removeLeftOvers()
    let hub = "\(name)-hub"
    try await ip("netns", "add", hub)
    try await ip("-n", hub, "link", "add", "bridge", "type", "bridge")
    try await ip("-n", hub, "link", "set", "bridge", "up")
    // This process's side goes with the hub.
    try await ip("link", "add", link, "type", "veth", "peer", "name", "uplink", "netns", hub)
    try await ip("-n", hub, "link", "set", "uplink", "master", "bridge", "up")
    try await ip("address", "add", "\(prefix).1/24", "dev", link)
    try await ip("link", "set", link, "up")
    for host in 0..<hosts {
      let space = space(host)
      try await ip("netns", "add", space)
      try await ip("-n", hub, "link", "add", port(host), "type", "veth", "peer", "name", "eth", "netns", space)
      try await ip("-n", hub, "link", "set", port(host), "master", "bridge", "up")
      try await ip("-n", space, "address", "add", "\(address(host))/24", "dev", "eth")
      try await ip("-n", space, "link", "set", "eth", "up")
      try await ip("-n", space, "link", "set", "lo", "up")
    }
  }

  deinit {
    for space in (0..<hosts).map(space) + ["\(name)-hub"] { Self.remove(space) }
  }

  public func address(_ host: Int) -> String { "\(prefix).\(host + 11)" }

  /// Before a command that is to run on the host.
  func entering(_ host: Int) -> [String] { ["ip", "netns", "exec", space(host)] }

  /// Nothing passes between the host and the other hosts any more; this process reaches all of them.
  public func cutOff(_ host: Int) async throws { try await changeRoutes("add", host) }
  public func join(_ host: Int) async throws { try await changeRoutes("del", host) }

  private func changeRoutes(_ verb: String, _ host: Int) async throws {
    for other in 0..<hosts where other != host {
      try await ip("-n", space(host), "route", verb, "blackhole", "\(address(other))/32")
      try await ip("-n", space(other), "route", verb, "blackhole", "\(address(host))/32")
    }
  }

  /// Nothing passes to the host or from it any more.
  public func unplug(_ host: Int) async throws { try await ip("-n", "\(name)-hub", "link", "set", port(host), "down") }
  public func plug(_ host: Int) async throws { try await ip("-n", "\(name)-hub", "link", "set", port(host), "up") }

  private static let mark = "vfpool-etcd-"
  private func space(_ host: Int) -> String { "\(name)-\(host)" }
  private func port(_ host: Int) -> String { "port\(host)" }

  private func ip(_ words: String...) async throws { try await Command.run(["ip"] + words) }

  private static func remove(_ space: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/sbin/ip")
    process.arguments = ["netns", "del", space]
    process.standardError = FileHandle.nullDevice
    try? process.run()
    process.waitUntilExit()
  }

  /// Of test runs that were killed.
  private static func removeLeftOvers() async {
    for line in (try? await Command.run("ip", "netns", "list"))?.split(separator: "\n") ?? [] {
      guard line.hasPrefix(mark), let space = line.split(separator: " ").first,
        let pid = pid_t(space.dropFirst(mark.count).prefix { $0 != "-" }), Glibc.kill(pid, 0) != 0
      else { continue }
      remove(String(space))
    }
  }
}
