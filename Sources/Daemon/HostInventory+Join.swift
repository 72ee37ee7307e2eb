import Netlink
import PoolModel
import Sysfs

extension HostInventory {
  /// What sysfs and rtnetlink tell, as one: which PFs and VFs there are comes from `scan`, their state from `links`.
  ///
  /// `addresses` are IP addresses by interface index. A PF that netlink doesn't show (it has just come or gone) is
  /// listed, its VFs without state. Where netlink's answer lacks VFs of a PF, that is a problem.
  init(scan: SysfsScan, links: [LinkInfo], addresses: [Int32: [String]], switches: [DevlinkDevice: CardSwitch] = [:]) {
    let stack = LinkStack(links)
    let uses = HostUses(stack: stack, addresses: addresses)
    var pfs: [PF] = []
    var vfs: [VF] = []
    var problems = scan.problems
    for known in scan.pfs {
      let link = stack[known.ifindex]
      let cardSwitch = switches[known, link]
      var pf = PF(
        name: link?.name ?? known.name, ifindex: known.ifindex, altNames: link?.altNames ?? [],
        otherNetdevs: Array(known.netdevs.dropFirst()), pci: known.pci, id: known.id, vfID: known.vfID,
        mac: link?.mac ?? known.mac, permanentMAC: link?.permanentMAC,
        driver: known.driver, numaNode: known.numaNode, iommuGroup: known.iommuGroup, carrier: link?.carrier,
        bond: link.flatMap(uses.bond(of:)), mtu: link?.mtu ?? known.mtu, numVFs: known.numVFs,
        totalVFs: known.totalVFs, eswitchMode: cardSwitch?.mode, unsupported: known.unsupported)
      if pf.eswitchMode == "switchdev" { pf.unsupported = pf.unsupported ?? "its card is in switchdev mode" }
      pfs.append(pf)
      vfs += known.vfs.map { vf in
        let own = uses.links(of: vf).first
        var found = VF(
          id: VFIndex(pf: pf.name, index: vf.index), pci: vf.pci, netdev: vf.netdev, ifindex: own?.ifindex,
          driver: vf.driver, numaNode: vf.numaNode, iommuGroup: vf.iommuGroup, mtu: own?.mtu ?? vf.mtu,
          state: link?.vfs[vf.index], hostUse: uses.use(of: vf),
          representor: cardSwitch?.representors[vf.index].flatMap { stack[$0]?.name })
        found.counters = link?.counters[vf.index]
        return found
      }
      let missing = known.vfs.count { link?.vfs[$0.index] == nil }
      if let link, missing > 0 {
        problems.append(
          "\(link.name): the kernel's answer holds \(known.vfs.count - missing) of \(known.vfs.count) VFs")
      }
    }
    self.init(pfs: pfs, vfs: vfs, numaNodes: scan.numaNodes, problems: problems)
  }
}

extension [DevlinkDevice: CardSwitch] {
  fileprivate subscript(pf: SysfsPF, link: LinkInfo?) -> CardSwitch? {
    if isEmpty { return nil }
    if let pci = pf.pci { return self[DevlinkDevice(bus: "pci", name: "\(pci)")] }
    guard let bus = link?.parentBus, let name = link?.parentDevName else { return nil }
    return self[DevlinkDevice(bus: bus, name: name)]
  }
}

/// Why the host itself uses a VF's netdev.
private struct HostUses {
  let stack: LinkStack
  /// IP addresses by interface index.
  let addresses: [Int32: [String]]

  /// A VF's netdevs as netlink has them now; what the scan says of them may be of an earlier moment.
  func links(of vf: SysfsVF) -> [LinkInfo] {
    let direct = vf.pci.map(stack.links(ofDevice:)) ?? []
    return direct.isEmpty ? vf.netdev.flatMap(stack.link(named:)).map { [$0] } ?? [] : direct
  }

  func bond(of link: LinkInfo) -> String? {
    stack.master(of: link).flatMap { $0.kind == "bond" || $0.kind == "team" ? $0.name : nil }
  }

  func use(of vf: SysfsVF) -> String? {
    if vf.isElsewhere { return "is in another network namespace" }
    let links = links(of: vf)
    return links.isEmpty ? vf.master.map { "is in \($0)" } : links.lazy.compactMap { use(of: $0) }.first
  }

  private func use(of link: LinkInfo) -> String? {
    if let master = stack.master(of: link) { return "is in \(stack.words(master))" }
    if let address = addresses[link.ifindex]?.first { return "has address \(address)" }
    if let upper = stack.stacked(on: link).first { return "carries \(stack.words(upper))" }
    return nil
  }
}
