import PoolModel

extension SysfsTree {
  /// Every PF of the host with its VFs.
  ///
  /// PFs are the PCI devices with `sriov_totalvfs` above 0 and a netdev, and netdevsim's devices. What vanishes during
  /// the scan is left out; what can't be made sense of is a problem, and the scan goes on.
  public func scan() -> SysfsScan {
    var reader = Reader(tree: self)
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
    return SysfsScan(pfs: pfs, problems: reader.problems)
  }
}

/// Reads devices, and collects what is wrong with them.
private struct Reader {
  let tree: SysfsTree
  var problems: [String] = []

  init(tree: SysfsTree) { self.tree = tree }

  mutating func pciPF(_ name: String) -> SysfsPF? {
    let device = "\(tree.root)/bus/pci/devices/\(name)"
    guard FileAccess.exists(device + "/sriov_totalvfs"), let total = number(device, "sriov_totalvfs"), total > 0 else {
      return nil
    }
    guard let pci = PCIAddress(name) else {
      problems.append("\(device): this is no PCI address")
      return nil
    }
    guard let netdev = netdev(of: device), var pf = pf(device, netdev, total: total) else { return nil }
    pf.pci = pci
    for entry in names(in: device) where entry.hasPrefix("virtfn") {
      guard let index = Int(entry.dropFirst("virtfn".count)), index >= 0 else { continue }
      if let vf = vf(index, link: "\(device)/\(entry)") { pf.vfs.append(vf) }
    }
    pf.vfs.sort { $0.index < $1.index }
    return pf
  }

  /// netdevsim's VFs are a number only; how many there can be stands in debugfs.
  mutating func simulatedPF(_ name: String) -> SysfsPF? {
    let device = "\(tree.root)/bus/netdevsim/devices/\(name)"
    guard let netdev = netdev(of: device), var pf = pf(device, netdev, total: 0) else { return nil }
    let debugging = "\(tree.root)/kernel/debug/netdevsim/\(name)"
    pf.totalVFs = max(pf.numVFs, FileAccess.exists(debugging) ? number(debugging, "max_vfs") ?? 0 : 0)
    pf.vfs = (0..<pf.numVFs).map { SysfsVF(index: $0) }
    return pf
  }

  /// What PFs of any bus have; nil when the device is going away.
  private mutating func pf(_ device: String, _ netdev: String, total: Int) -> SysfsPF? {
    let net = "\(device)/net/\(netdev)"
    guard let numVFs = number(device, "sriov_numvfs"), numVFs >= 0,
      let ifindex = number(net, "ifindex").flatMap(Int32.init(exactly:))
    else { return nil }
    return SysfsPF(
      name: netdev, ifindex: ifindex, mac: text(net, "address").flatMap { MACAddress($0) },
      driver: linkName(device, "driver"), numaNode: optionalNumber(device, "numa_node").flatMap { $0 < 0 ? nil : $0 },
      mtu: number(net, "mtu"), numVFs: numVFs, totalVFs: total, unsupported: unsupported(net))
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
      numaNode: optionalNumber(device, "numa_node").flatMap { $0 < 0 ? nil : $0 },
      iommuGroup: linkName(device, "iommu_group").flatMap { Int($0) })
    if let netdev = netdev(of: device) {
      vf.netdev = netdev
      vf.mtu = number("\(device)/net/\(netdev)", "mtu")
      vf.master = linkName("\(device)/net/\(netdev)", "master")
    } else {
      // The folder is there as long as the device has a netdev, but lists those of our own namespace only.
      vf.isElsewhere = FileAccess.exists(device + "/net")
    }
    return vf
  }

  /// The netdev of a device; of several, that of the first port.
  private mutating func netdev(of device: String) -> String? {
    let netdevs = names(in: device + "/net")
    guard netdevs.count > 1 else { return netdevs.first }
    return netdevs.min { a, b in
      let (portA, portB) = (
        optionalNumber("\(device)/net/\(a)", "dev_port"), optionalNumber("\(device)/net/\(b)", "dev_port")
      )
      return (portA ?? 0, a) < (portB ?? 0, b)
    }
  }

  // MARK: files that may be gone

  private mutating func value<Value>(_ path: String, _ read: (String) throws(Errno) -> Value) -> Value? {
    do throws(Errno) {
      return try read(path)
    } catch {
      if !error.meansAbsent { problems.append("\(path): \(error.text)") }
      return nil
    }
  }

  mutating func names(in path: String) -> [String] {
    value(path) { (path) throws(Errno) in try FileAccess.names(in: path) } ?? []
  }

  private mutating func linkName(_ path: String) -> String? {
    value(path) { (path) throws(Errno) in try FileAccess.linkName(path) }
  }

  private mutating func linkName(_ folder: String, _ name: String) -> String? { linkName("\(folder)/\(name)") }

  private mutating func text(_ folder: String, _ name: String) -> String? {
    value("\(folder)/\(name)") { (path) throws(Errno) in try FileAccess.read(path) }?.trimmed
  }

  private mutating func number(_ folder: String, _ name: String) -> Int? {
    guard let text = text(folder, name) else { return nil }
    guard let number = Int(text) else {
      problems.append("\(folder)/\(name) holds “\(text)”, which is no number")
      return nil
    }
    return number
  }

  /// A file that not every kernel or device has, or has filled.
  private mutating func optionalNumber(_ folder: String, _ name: String) -> Int? {
    text(folder, name).flatMap { Int($0) }
  }
}

extension String {
  /// Without white space around it.
  var trimmed: String {
    let tail = drop { $0.isWhitespace }
    return String(tail.reversed().drop { $0.isWhitespace }.reversed())
  }
}
