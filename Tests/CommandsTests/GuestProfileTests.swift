import Foundation
import HostConfig
import Testing

@testable import Commands

@Suite final class GuestProfileTests {
  private let root = "/tmp/vfpool-test-\(UInt32.random(in: 0...UInt32.max))"
  private var profile: GuestProfile { GuestProfile(root: root) }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  private func write(_ text: String, to path: String) throws {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  private var text: String? { try? String(contentsOfFile: profile.path, encoding: .utf8) }

  @Test func hostWithoutAppArmorIsLeftAlone() throws {
    #expect(try profile.allow() == false)
    #expect(try profile.forbid() == false)
    #expect(text == nil)
  }

  @Test(arguments: [nil, "", "/srv/images/** r,\n", "/srv/images/** r,"])
  func ruleComesAndGoesAndTheAdminsStay(_ before: String?) throws {
    try write("", to: profile.abstraction)
    if let before { try write(before, to: profile.path) }
    #expect(try profile.allow())
    #expect(text?.contains("\n/dev/vfio/* rw,\n") == true)
    #expect(try profile.allow() == false)
    #expect(try profile.forbid())
    #expect(text?.split(separator: "\n") == (before ?? "").split(separator: "\n"))
  }

  @Test func ruleOfTheAdminsOwnIsEnough() throws {
    try write("", to: profile.abstraction)
    try write("  /dev/vfio/* rw,\n", to: profile.path)
    #expect(try profile.allow() == false)
    #expect(try profile.forbid() == false)
    #expect(text == "  /dev/vfio/* rw,\n")
  }
}
