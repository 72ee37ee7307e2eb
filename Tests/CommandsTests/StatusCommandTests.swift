import ControlAPI
import PoolModel
import Testing

@testable import Commands

@Suite struct StatusCommandTests {
  @Test func problemsComeFirst() {
    #expect(
      Rows.status.text(Recording().console) == """
        vfpoold 0.1.0, connected to libvirt

        PROBLEMS
          ! VF enp1s0/1 is quarantined: trust stayed on
            see: vfpool vf show enp1s0/1

        POOL      STATE   MODE     VFS        LEASED  FREE  QUARANTINED
        tenant-a  active  enforce  [##....!]       2     4            1

        PF      PCI           DRIVER  NUMA  LINK  VFS  LEASED  FREE
        enp1s0  0000:01:00.0  igb        0  up    7/7       2     4
        enp2s0  -             igb        -  down  0/7       0     0

        GUEST  POOL      VF        MAC                STATE   AGE
        a1     tenant-a  enp1s0/0  52:54:00:aa:00:01  active   2h

        """)
  }

  /// The numbers are as many as the bar's signs.
  @Test func whatIsRareHasAColumnWhereThereIsSome() {
    var report = Rows.status
    report.pools[0].reserved = 2
    report.pools[0].gone = 1
    let lines = report.text(Recording().console).split(separator: "\n")
    #expect(lines.contains { $0.hasSuffix("FREE  QUARANTINED  RESERVED  GONE") })
    #expect(lines.contains { $0.hasPrefix("tenant-a  active  enforce  [##==....!x]") })
  }

  @Test func anEmptyHost() {
    let report = StatusReport(
      version: "0.1.0", libvirtConnected: false, pfs: [], pools: [], leases: [], problems: [])
    #expect(
      report.text(Recording().console) == """
        vfpoold 0.1.0, not connected to libvirt
        no problems

        no pools

        no PFs

        no leases

        """)
  }

  @Test(arguments: [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (90_000, "1d"), (-5, "0s")])
  func ages(seconds: Int64, text: String) {
    let then = Recording.now.milliseconds - seconds * 1000
    #expect(age(since: .init(milliseconds: then), now: Recording.now) == text)
  }
}
