import ControlAPI
import PoolModel
import SocketFakes
import Testing

@testable import Commands

@Suite struct PoolExplainTests {
  private static func report(refusal: String? = nil) -> PlacementReport {
    let pci = { (index: Int) in PCIAddress(bus: 1, slot: UInt8(0x10 + index), function: 0) }
    return PlacementReport(
      pool: "p", guest: Rows.guest, placement: Placement(policy: .spread, numa: .prefer), numaNodes: [0], nics: 1,
      refusal: refusal,
      vfs: [
        PlacementRow(
          rank: refusal == nil ? 1 : nil, id: VFIndex(pf: "enp1s0", index: 1), pci: pci(1),
          nic: refusal == nil ? 0 : nil, held: false, kind: nil, guest: nil, why: "NUMA node 0 is near"),
        PlacementRow(
          rank: nil, id: VFIndex(pf: "enp1s0", index: 0), pci: pci(0), nic: nil, held: refusal == nil,
          kind: .quarantined, guest: nil, why: "quarantined: trust on"),
        PlacementRow(
          rank: nil, id: nil, pci: pci(2), nic: nil, held: false, kind: .gone, guest: nil, why: "not there"),
      ])
  }

  @Test func whatAStartGets() throws {
    let daemon = try FakeDaemon { _ in (200, JSONText(Self.report()).compact) }
    let recording = Recording()
    #expect(recording.run(["pool", "explain", "p", "--guest", "a1", "--socket", daemon.path]) == 0)
    #expect(
      recording.out == """
        pool            p
        guest           a1, 1 NIC of this pool
        placement       spread, NUMA prefer
        NUMA nodes      0
        a start         gets enp1s0/1
        held meanwhile  enp1s0/0

        RANK  VF            PCI           NIC  WHY
           1  enp1s0/1      0000:01:11.0    0  NUMA node 0 is near
           -  enp1s0/0      0000:01:10.0    -  quarantined: trust on
           -  0000:01:12.0  0000:01:12.0    -  not there

        """)
  }

  @Test func refusalIsShownWhole() {
    let text = Self.report(refusal: "pool p: no free VF\n  enp1s0/0: leased to b").text(.plain)
    #expect(text.contains("a start     is refused\n\npool p: no free VF\n  enp1s0/0: leased to b\n\nRANK"))
  }

  @Test func jsonIsWhatTheDaemonSaid() throws {
    let daemon = try FakeDaemon { _ in (200, JSONText(Self.report()).compact) }
    let recording = Recording()
    #expect(recording.run(["pool", "explain", "p", "--guest", "a1", "--json", "--socket", daemon.path]) == 0)
    #expect(recording.out == JSONText(Self.report()).pretty + "\n")
    #expect(recording.out.contains(#""kind": "quarantined""#))
  }
}
