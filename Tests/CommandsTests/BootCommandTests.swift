import Foundation
import Sysfs
import Testing

@testable import Commands

@Suite final class BootCommandTests {
  private let folder = "/tmp/vfpool-test-\(UInt32.random(in: 0...UInt32.max))"

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func boot(_ recording: Recording) throws {
    try Console.$current.withValue(recording.console) {
      try BootCommand.restore(
        VFCountFile(path: "\(folder)/vf-counts"), SysfsTree(root: "\(folder)/sys"), patience: .zero)
    }
  }

  @Test func withoutSavedCountsThereIsNothingToDo() throws {
    let recording = Recording()
    try boot(recording)
    #expect(recording.out.isEmpty && recording.err.isEmpty)
  }

  @Test(arguments: [
    ("0000:01:00.0 - enp1s0 7\n", "vfpool: enp1s0: no PF at 0000:01:00.0\n"), ("nonsense\n", "line 1"),
  ])
  func saysWhatFailed(counts: String, text: String) throws {
    try counts.write(toFile: "\(folder)/vf-counts", atomically: false, encoding: .utf8)
    let recording = Recording()
    #expect(throws: CommandError.self) { try self.boot(recording) }
    #expect(recording.err.contains(text))
  }
}
