import Netlink
import PoolModel
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

  @Test(arguments: [("eth9", true, true), ("eth9", false, false), (nil, false, true), (nil, true, false)])
  func netdevsOnTheirWayElsewhere(netdev: String?, isLink: Bool, agree: Bool) {
    let pci = PCIAddress(bus: 1, slot: 16, function: 0)
    let scan = SysfsScan(pfs: [
      SysfsPF(
        name: "enp1s0", ifindex: 3, numVFs: 1, totalVFs: 7, vfs: [SysfsVF(index: 0, pci: pci, netdev: netdev)])
    ])
    let pf = LinkInfo(ifindex: 3, name: "enp1s0", numVF: 1)
    let link = LinkInfo(ifindex: 8, name: "eth9", parentDevName: "\(pci)", parentBus: "pci")
    #expect(scan.agrees(with: isLink ? [pf, link] : [pf]) == agree)
  }
}
