import ControlAPI
import Foundation
import PoolModel
import SocketFakes
import Testing

@testable import Commands

@Suite struct VFSetTests {
  static let cases: [([String], VFSettings)] = [
    (["--vlan", "none"], VFSettings(vlan: .untagged)), (["--vlan", "0"], VFSettings(vlan: .untagged)),
    (["--vlan", "42"], VFSettings(vlan: .tagged(VLANTag(id: 42)))),
    (
      ["--vlan", "42", "--qos", "3", "--vlan-proto", "802.1AD"],
      VFSettings(vlan: .tagged(VLANTag(id: 42, qos: 3, proto: .dot1ad)))
    ),
    (
      ["--mac", "52:54:00:AA:00:01", "--trust", "on", "--spoofchk", "off", "--link-state", "enable"],
      VFSettings(mac: Rows.mac, spoofchk: false, trust: true, linkState: .enable)
    ),
    (["--min-tx-rate", "0", "--max-tx-rate", "500"], VFSettings(minTxRate: 0, maxTxRate: 500)),
    // Rows.vf has VLAN 42 with qos 3.
    (["--qos", "5"], VFSettings(vlan: .tagged(VLANTag(id: 42, qos: 5)))),
    (["--vlan-proto", "802.1ad"], VFSettings(vlan: .tagged(VLANTag(id: 42, qos: 3, proto: .dot1ad)))),
  ]

  @Test(arguments: cases)
  func sends(arguments: [String], settings: VFSettings) throws {
    let daemon = try FakeDaemon { _ in (200, JSONText([Rows.vf]).compact) }
    let recording = Recording()
    let all = ["vf", "set", "enp1s0/0"] + arguments + ["--disrupt", "a1", "--disrupt", "a2", "--socket", daemon.path]
    #expect(recording.run(all) == 0, "\(recording.err)")
    let request = try #require(daemon.requests.last)
    #expect(request.line == "PATCH /v1/vfs?vf=enp1s0%2F0")
    #expect(
      try JSONDecoder().decode(VFChange.self, from: Data(request.body.utf8))
        == VFChange(settings: settings, disrupt: ["a1", "a2"]))
    #expect(recording.out == Rows.vf.text(.plain))
  }

  @Test func qosAloneNeedsATag() throws {
    let daemon = try FakeDaemon { _ in (200, JSONText([Rows.untaggedVF]).compact) }
    let recording = Recording()
    #expect(recording.run(["vf", "set", "0000:01:10.2", "--qos", "5", "--socket", daemon.path]) == 2)
    #expect(recording.err.contains("0000:01:10.2 is untagged"))
    #expect(daemon.lines == ["GET /v1/vfs"])
  }
}
