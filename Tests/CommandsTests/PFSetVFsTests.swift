import Foundation
import Sysfs
import Testing

@testable import Commands

struct PFSetVFsTests {
  @Test func progressCountsTheVFsThatAreThere() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "vfpool-\(UUID())").path
    let device = "\(root)/class/net/enp1s0/device"
    try FileManager.default.createDirectory(atPath: device, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    for entry in ["virtfn0", "virtfn1", "net"] {
      try FileManager.default.createDirectory(atPath: "\(device)/\(entry)", withIntermediateDirectories: false)
    }
    let tree = SysfsTree(root: root)
    #expect(PFSetVFs.progress("enp1s0", 64, tree) == "working on enp1s0, which has 2 of 64 VFs")
    #expect(PFSetVFs.progress("enp9s0", 64, tree) == "working on enp9s0")
  }
}
