import ControlAPI
import Foundation
import Glibc
import HostConfig
import PoolModel
import SocketFakes
import Synchronization
import Testing

@testable import Commands

@Suite final class HookSwitchTests {
  private let root = "/tmp/vfpool-test-\(UInt32.random(in: 0...UInt32.max))"
  private let calls = Calls()

  init() throws {
    try FileManager.default.createDirectory(atPath: "\(root)/usr/sbin", withIntermediateDirectories: true)
    let hook = "\(root)\(HookLinks.target)"
    #expect(FileManager.default.createFile(atPath: hook, contents: nil, attributes: [.posixPermissions: 0o755]))
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  /// What systemctl was told.
  final class Calls: Sendable {
    private let list = Mutex<[[String]]>([])
    var all: [[String]] { list.withLock { $0 } }
    func add(_ call: [String]) { list.withLock { $0.append(call) } }
  }

  private var links: HookLinks { HookLinks(root: root) }

  /// `started` says how many seconds ago each running daemon was started.
  private func hooks(_ recording: Recording, started: [String: Int64], socket: String = "/tmp/none") -> HookSwitch {
    var console = recording.console
    console.now = Console.process.now
    let services = LibvirtServices { [calls] arguments throws(CommandError) in
      calls.add(arguments)
      guard arguments.first == "show" else { return "" }
      let blocks = LibvirtServices.units.map { unit in
        let start = started[unit].map { LibvirtServices.monotonicMicroseconds - $0 * 1_000_000 } ?? 0
        return """
          Id=\(unit)
          ActiveState=\(started[unit] == nil ? "inactive" : "active")
          ExecMainStartTimestampMonotonic=\(start)

          """
      }
      return blocks.joined(separator: "\n")
    }
    return HookSwitch(
      links: links, profile: GuestProfile(root: root), services: services,
      client: ControlClient(readWrite: socket, readOnly: nil), console: console)
  }

  private var restarts: [[String]] { calls.all.filter { $0.first == "restart" } }
  private var areLinked: Bool { links.linkedSince != nil }

  @Test func asksThenLinksThenRestarts() throws {
    let recording = Recording(answer: true)
    try hooks(recording, started: ["libvirtd.service": 100]).enable(yes: false)
    #expect(recording.questions.count == 1)
    #expect(recording.questions.first?.contains("restarts libvirtd.service; guests keep running") == true)
    #expect(areLinked)
    #expect(restarts == [["restart", "libvirtd.service"]])
    for path in links.paths {
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "/usr/sbin/vfpool-hook")
    }
  }

  /// The hooks that are linked, and a bypass that is taken away; not what changes nothing.
  @Test func vfpooldsAuditHasIt() throws {
    let daemon = try FakeDaemon { _ in (200, JSONText(PlanReport(steps: [], token: "", done: true)).compact) }
    let hooks = hooks(Recording(answer: true), started: [:], socket: daemon.path)
    try hooks.enable(yes: false)
    #expect(daemon.lines.first == "POST /v1/enable")
    try hooks.enable(yes: false)
    try FileManager.default.createDirectory(atPath: "\(root)/run/vfpool", withIntermediateDirectories: true)
    #expect(FileManager.default.createFile(atPath: links.bypass, contents: nil))
    try hooks.enable(yes: false)
    #expect(daemon.lines.count { $0 == "POST /v1/enable" } == 2)
  }

  @Test(arguments: [false, nil])
  func withoutAYesNothingChanges(answer: Bool?) {
    let recording = Recording(answer: answer)
    #expect { try self.hooks(recording, started: ["libvirtd.service": 100]).enable(yes: false) } throws: { error in
      guard let error = error as? CommandError else { return false }
      return error.code == .refused && error.text.contains(answer == nil ? "--yes" : "nothing was changed")
    }
    #expect(!areLinked)
    #expect(restarts.isEmpty)
  }

  @Test func restartsOnlyDaemonsThatStartedBeforeTheLinks() throws {
    _ = try links.make()
    let recording = Recording()
    try hooks(recording, started: ["virtqemud.service": 100, "virtnetworkd.service": -60]).enable(yes: true)
    #expect(restarts == [["restart", "virtqemud.service"]])
  }

  @Test func enabledAlready() throws {
    _ = try links.make()
    let recording = Recording()
    try hooks(recording, started: ["libvirtd.service": -60]).enable(yes: false)
    #expect(recording.out == "already enabled\n")
    #expect(restarts.isEmpty)
  }

  @Test func withoutARunningDaemonThereIsNothingToAsk() throws {
    let recording = Recording()
    try hooks(recording, started: [:]).enable(yes: false)
    #expect(areLinked)
    #expect(restarts.isEmpty)
    #expect(recording.out.contains("libvirt isn't running"))
  }

  @Test func enablingEndsTheBypass() throws {
    try FileManager.default.createDirectory(atPath: "\(root)/run/vfpool", withIntermediateDirectories: true)
    #expect(FileManager.default.createFile(atPath: links.bypass, contents: nil))
    try hooks(Recording(), started: [:]).enable(yes: true)
    #expect(!FileManager.default.fileExists(atPath: links.bypass))
  }

  @Test func aForeignFileIsRefusedByName() throws {
    let path = links.paths[1]
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    #expect { try self.hooks(Recording(), started: [:]).enable(yes: true) } throws: { error in
      (error as? CommandError)?.text.hasPrefix("\(path) exists") == true
    }
    #expect(links.state(links.paths[0]) == .absent)
    try hooks(Recording(), started: [:]).disable(yes: true)
    #expect(FileManager.default.fileExists(atPath: path))
  }

  @Test func enablingNeedsTheHook() {
    #expect(unlink("\(root)\(HookLinks.target)") == 0)
    #expect(throws: CommandError.self) { try self.hooks(Recording(), started: [:]).enable(yes: true) }
    #expect(!areLinked)
  }

  @Test func disablingRemovesTheLinksAndDropsHoldsWithoutARestart() throws {
    _ = try links.make()
    let body = JSONText(PlanReport(steps: ["drop hold of 0000:01:10.0"], token: "", done: true)).compact
    let daemon = try FakeDaemon { request in (200, request.line.hasPrefix("GET") ? "[]" : body) }
    let recording = Recording()
    try hooks(recording, started: ["libvirtd.service": 100], socket: daemon.path).disable(yes: false)
    #expect(links.paths.allSatisfy { links.state($0) == .absent })
    #expect(daemon.lines == ["GET /v1/leases", "POST /v1/disable"])
    #expect(recording.out.contains("drop hold of 0000:01:10.0\n"))
    #expect(restarts.isEmpty)
  }

  @Test func disablingAsksWhileGuestsHaveVFs() throws {
    _ = try links.make()
    let daemon = try FakeDaemon { _ in (200, JSONText([LeaseRow(Rows.lease)]).compact) }
    #expect(throws: CommandError.self) {
      try self.hooks(Recording(answer: false), started: [:], socket: daemon.path).disable(yes: false)
    }
    #expect(areLinked)
  }

  @Test func disablingGoesOnWithoutVFpoold() throws {
    _ = try links.make()
    let recording = Recording()
    try hooks(recording, started: [:]).disable(yes: true)
    #expect(!areLinked)
    #expect(recording.err.contains("vfpoold couldn't drop its holds"))
    try hooks(recording, started: [:]).disable(yes: true)
    #expect(recording.out.hasSuffix("already disabled\n"))
  }
}
