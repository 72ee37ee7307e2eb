import Netlink
import Sysfs
import Testing

@testable import Daemon

@Suite struct ScanCacheTests {
  private func scan(_ vfs: Int) -> SysfsScan {
    SysfsScan(pfs: [
      SysfsPF(
        name: "enp1s0", ifindex: 3, numVFs: vfs, totalVFs: 7, vfs: (0..<vfs).map { SysfsVF(index: $0) })
    ])
  }

  @Test(arguments: [
    (7, [LinkInfo(ifindex: 1, name: "lo"), LinkInfo(ifindex: 3, name: "enp1s0", numVF: 7)], true),
    (7, [LinkInfo(ifindex: 3, name: "enp1s0", numVF: 6)], false),
    (0, [LinkInfo(ifindex: 3, name: "enp1s0", numVF: 0)], true),
    // Where netlink could not tell, sysfs is believed.
    (7, [LinkInfo(ifindex: 3, name: "enp1s0")], true),
    // The PF has gone, or has a new interface.
    (7, [LinkInfo(ifindex: 4, name: "enp1s0", numVF: 7)], false),
    // A PF that the scan hasn't seen.
    (0, [LinkInfo(ifindex: 3, name: "enp1s0", numVF: 0), LinkInfo(ifindex: 9, name: "eni1np1", numVF: 256)], false),
  ])
  func scansAndLinksAgree(vfs: Int, links: [LinkInfo], agree: Bool) { #expect(scan(vfs).agrees(with: links) == agree) }
}
