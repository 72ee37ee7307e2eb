import PoolModel

extension SysfsTree {
  /// Every PF of the host with its VFs, and the host's NUMA nodes.
  ///
  /// PFs are the PCI devices with `sriov_totalvfs` above 0 that have a netdev or are of PCI's class of network cards, and
  /// netdevsim's devices. What vanishes during
  /// the scan is left out; what can't be made sense of is a problem, and the scan goes on.
  public func scan() -> SysfsScan {
    var reader = SysfsReader(self)
    var pfs: [SysfsPF] = []
    for name in reader.names(in: "\(root)/bus/pci/devices") {
      guard let pf = reader.pciPF(name) else { continue }
      pfs.append(pf)
    }
    for name in reader.names(in: "\(root)/bus/netdevsim/devices") {
      guard let pf = reader.simulatedPF(name) else { continue }
      pfs.append(pf)
    }
    pfs.sort { a, b in
      switch (a.pci, b.pci) {
      case (let a?, let b?): a < b
      case (nil, nil): a.name < b.name
      case (let a, _): a != nil
      }
    }
    let numaNodes = reader.numaNodes()
    return SysfsScan(pfs: pfs, numaNodes: numaNodes, problems: reader.problems)
  }
}

extension SysfsReader {
  fileprivate mutating func pciPF(_ name: String) -> SysfsPF? {
    let device = "\(tree.root)/bus/pci/devices/\(name)"
    guard FileAccess.exists(device + "/sriov_totalvfs"), let total = number(device, "sriov_totalvfs"), total > 0 else {
      return nil
    }
    guard let pci = PCIAddress(name) else {
      problems.append("\(device): this is no PCI address")
      return nil
    }
    guard var pf = pf(device, named: name, total: total) else { return nil }
    pf.pci = pci
    if let vendor = hexadecimal(device, "vendor").flatMap(UInt16.init(exactly:)) {
      pf.id = hexadecimal(device, "device").flatMap(UInt16.init(exactly:)).map { PCIID(vendor: vendor, device: $0) }
      // Without 0x, and VFs have their PF's vendor (SR-IOV specification, 3.4.1.1).
      pf.vfID = text(device, "sriov_vf_device").flatMap { UInt16($0, radix: 16) }
        .map { PCIID(vendor: vendor, device: $0) }
    }
    pf.iommuGroup = iommuGroup(of: device, pci)
    for entry in names(in: device) where entry.hasPrefix("virtfn") {
      guard let index = Int(entry.dropFirst("virtfn".count)), index >= 0 else { continue }
      if let vf = vf(index, link: "\(device)/\(entry)") { pf.vfs.append(vf) }
    }
    pf.vfs.sort { $0.index < $1.index }
    return pf
  }

  /// netdevsim's VFs are a number only; how many there can be stands in debugfs.
  fileprivate mutating func simulatedPF(_ name: String) -> SysfsPF? {
    let device = "\(tree.root)/bus/netdevsim/devices/\(name)"
    guard var pf = pf(device, named: nil, total: 0) else { return nil }
    let debugging = "\(tree.root)/kernel/debug/netdevsim/\(name)"
    pf.totalVFs = max(pf.numVFs, FileAccess.exists(debugging) ? number(debugging, "max_vfs") ?? 0 : 0)
    pf.vfs = (0..<pf.numVFs).map { SysfsVF(index: $0) }
    return pf
  }

  /// What PFs of any bus have; nil when the device is going away. Without a netdev a network card goes by `name`.
  private mutating func pf(_ device: String, named name: String?, total: Int) -> SysfsPF? {
    guard let numVFs = number(device, "sriov_numvfs"), numVFs >= 0 else { return nil }
    let driver = linkName(device, "driver")
    let numaNode = self.numaNode(of: device)
    let netdevs = netdevs(of: device)
    guard let netdev = netdevs.first else {
      // PCI's base class 02: network controllers.
      guard let name, text(device, "class")?.hasPrefix("0x02") == true else { return nil }
      return SysfsPF(
        name: name, ifindex: 0, netdevs: [], driver: driver, numaNode: numaNode, numVFs: numVFs, totalVFs: total,
        unsupported: "it has no network interface here"
          + (driver.map { " (its driver is \($0))" } ?? ": it has no driver"))
    }
    let net = "\(device)/net/\(netdev)"
    guard let ifindex = number(net, "ifindex").flatMap(Int32.init(exactly:)) else { return nil }
    return SysfsPF(
      name: netdev, ifindex: ifindex, netdevs: netdevs, mac: text(net, "address").flatMap { MACAddress($0) },
      driver: driver, numaNode: numaNode, mtu: number(net, "mtu"), numVFs: numVFs, totalVFs: total,
      unsupported: unsupported(net))
  }

  private mutating func unsupported(_ net: String) -> String? {
    // ARPHRD_ETHER and ARPHRD_INFINIBAND of <linux/if_arp.h>
    switch number(net, "type") {
    case 1, nil: nil
    case 32: "it is an InfiniBand PF"
    case let type?: "it is no Ethernet PF (ARPHRD type \(type))"
    }
  }

  private mutating func vf(_ index: Int, link: String) -> SysfsVF? {
    guard let name = linkName(link) else { return nil }
    guard let pci = PCIAddress(name) else {
      problems.append("\(link) points to “\(name)”, which is no PCI address")
      return nil
    }
    let device = tree.folder(of: pci)
    guard FileAccess.exists(device) else { return nil }
    var vf = SysfsVF(
      index: index, pci: pci, driver: linkName(device, "driver"),
      numaNode: numaNode(of: device),
      iommuGroup: iommuGroup(of: device, pci))
    if let netdev = netdevs(of: device).first {
      vf.netdev = netdev
      vf.mtu = number("\(device)/net/\(netdev)", "mtu")
      vf.master = linkName("\(device)/net/\(netdev)", "master")
    } else {
      // The folder is there as long as the device has a netdev, but lists those of our own namespace only.
      vf.isElsewhere = FileAccess.exists(device + "/net")
    }
    return vf
  }

  /// The netdevs of a device, in the order of their ports. A switchdev PF's folder has those of its representors too.
  private mutating func netdevs(of device: String) -> [String] {
    let netdevs = names(in: device + "/net")
    guard netdevs.count > 1 else { return netdevs }
    let ports = netdevs.compactMap { name -> (port: Int, name: String)? in
      let net = "\(device)/net/\(name)"
      // Drivers without such names answer with an error.
      if let port = try? FileAccess.read("\(net)/phys_port_name").trimmed, Representor(portName: port) != nil {
        return nil
      }
      return (optionalNumber(net, "dev_port") ?? 0, name)
    }
    return ports.sorted { $0 < $1 }.map(\.name)
  }
}
