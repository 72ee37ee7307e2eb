import PoolModel
import Sysfs

/// Cards and their drivers.
extension Examination {
  func cardChecks() -> [Check] {
    [pfs, cardFirmware, pfDriver, pfKind, pfLink, pfNUMA, pcieLink, vfAddressSpace]
  }

  static func device(_ pci: some CustomStringConvertible) -> String { "/sys/bus/pci/devices/\(pci)" }

  /// What loads the driver of a device.
  static func loadDriver(of pci: PCIAddress) -> String { "modprobe $(modprobe -R $(cat \(device(pci))/modalias))" }

  private var pfs: Check {
    guard !scan.pfs.isEmpty else {
      return Check(
        .pfs, .warning, ["no network card offers VFs"],
        fix: [
          "lspci -vv shows “Single Root I/O Virtualization” for a card that can: turn SR-IOV on in its firmware, and in "
            + "the firmware of the host"
        ])
    }
    return Check(
      .pfs, .ok,
      scan.pfs.map { pf in
        "\(pf.name)\(pf.pci.map { " (\($0))" } ?? ""), \(pf.driver ?? "no driver"): \(pf.numVFs) of \(pf.totalVFs) VFs"
      })
  }

  /// Network cards that could have VFs, but offer none.
  private var cardFirmware: Check {
    var found: [String] = []
    var fix: [String] = []
    for name in files.names(in: "/sys/bus/pci/devices") ?? [] {
      let device = Self.device(name)
      guard files.text("\(device)/class")?.hasPrefix("0x02") == true, files.text("\(device)/sriov_totalvfs") == "0"
      else { continue }
      found.append("\(name) can have VFs, but offers 0: SR-IOV is off in the card's firmware, or its driver forbids it")
      let step =
        switch files.text("\(device)/vendor") {
        case "0x15b3": "mlxconfig -d \(name) set SRIOV_EN=1 NUM_OF_VFS=8   # then switch the host off and on"
        case "0x14e4":
          "\(name): turn on SR-IOV in the card's menu of the firmware's setup (or with niccli), then reboot"
        default: "\(name): turn on SR-IOV in the card's menu of the firmware's setup, then reboot"
        }
      fix.append(step)
    }
    return verdict(.cardFirmware, found, or: "no card has SR-IOV turned off", fix: fix)
  }

  private var pfDriver: Check {
    let without = scan.pfs.filter(\.netdevs.isEmpty)
    let fix = without.map { pf in
      switch (pf.driver, pf.pci) {
      case (nil, let pci?): Self.loadDriver(of: pci)
      case (let driver?, let pci?) where PCIDevice.isVFIO(driver):
        "vfpool device reattach \(pci)   # unless a guest has it"
      default: "\(pf.name): bind it to the card's own driver"
      }
    }
    return verdict(
      .pfDriver,
      without.map { pf in
        pf.driver.map { "\(pf.name) has no network interface here: its driver is \($0)" }
          ?? "\(pf.name) has no driver, so its VFs can't be made or set"
      }, or: scan.pfs.isEmpty ? "there is no PF" : "every PF has its driver", fix: fix)
  }

  private var pfKind: Check {
    let others = scan.pfs.filter { !$0.netdevs.isEmpty }.compactMap { pf in
      pf.unsupported.map { "\(pf.name) can't be in a pool: \($0)" }
    }
    return verdict(
      .pfKind, others, or: scan.pfs.isEmpty ? "there is no PF" : "every PF can be in a pool",
      fix: ["use another card for pools, or switch the port to Ethernet (mlxconfig -d PCI set LINK_TYPE_P1=2)"])
  }

  private var pfLink: Check {
    var found: [String] = []
    var fix: [String] = []
    for name in scan.pfs.flatMap(\.netdevs) {
      let net = "/sys/class/net/\(name)"
      // Bit 0 of the flags is IFF_UP.
      let flags = files.text("\(net)/flags").flatMap { Int($0.dropFirst(2), radix: 16) }
      if let flags, flags & 1 == 0 {
        found.append("\(name) is down: some drivers make no VFs then, and no guest gets a frame out")
        fix.append("ip link set \(name) up")
      } else if files.text("\(net)/carrier") == "0" {
        found.append("\(name) has no carrier")
        fix.append("\(name): look at its cable, transceiver and the switch's port")
      }
    }
    return verdict(
      .pfLink, found, or: scan.pfs.isEmpty ? "there is no PF" : "every PF is up and has a carrier", fix: fix)
  }

  private var pfNUMA: Check {
    guard scan.numaNodes.count > 1 else { return Check(.pfNUMA, .ok, ["the host has one NUMA node"]) }
    let unknown = scan.pfs.filter { $0.pci != nil && $0.numaNode == nil }
    return verdict(
      .pfNUMA, unknown.map { "\($0.name): the firmware doesn't say on which NUMA node it is" },
      or: scan.pfs.isEmpty
        ? "there is no PF"
        : scan.pfs.map { "\($0.name) is on node \($0.numaNode.map(String.init) ?? "?")" }.joined(separator: ", "),
      fix: ["update the host's firmware; pools that place by NUMA node take such a PF as neither near nor far"])
  }

  /// A card in too small a slot.
  private var pcieLink: Check {
    let found = scan.pfs.compactMap { pf -> String? in
      guard let pci = pf.pci else { return nil }
      let value = { (name: String) in files.text("\(Self.device(pci))/\(name)") }
      // Speeds are “8.0 GT/s PCIe”; a card that sleeps runs slower.
      let speed = { (text: String?) in text.flatMap { Double($0.prefix { $0 != " " }) } }
      guard let width = value("current_link_width").flatMap({ Int($0) }),
        let limit = value("max_link_width").flatMap({ Int($0) }), width > 0
      else { return nil }
      let now = speed(value("current_link_speed"))
      let most = speed(value("max_link_speed"))
      guard width < limit || now.map({ now in most.map { now < $0 } ?? false }) ?? false else { return nil }
      return "\(pf.name) runs at \(value("current_link_speed") ?? "?") x\(width), it could "
        + "\(value("max_link_speed") ?? "?") x\(limit)"
    }
    return verdict(
      .pcieLink, found, or: scan.pfs.isEmpty ? "there is no PF" : "every PF has the PCIe link that it is made for",
      fix: ["put the card into a slot of its width and generation; in a virtual machine there is nothing to do"])
  }

  /// Whether the VFs' registers have a place in memory.
  ///
  /// `resource` has a line for each of a device's resources; 7 to 12 are those of its VFs (`PCI_IOV_RESOURCES` in the
  /// kernel's include/linux/pci.h), all zeroes where no room was left. Making VFs then fails with ENOMEM.
  private var vfAddressSpace: Check {
    let found = scan.pfs.compactMap { pf -> String? in
      guard pf.numVFs == 0, let pci = pf.pci, let text = files.text("\(Self.device(pci))/resource") else { return nil }
      let lines = text.split(separator: "\n")
      guard lines.count >= 13, lines[7...12].allSatisfy({ $0.allSatisfy { "0x ".contains($0) } }) else { return nil }
      return "\(pf.name): the firmware left no room in memory for its VFs (“not enough MMIO resources for SR-IOV”)"
    }
    return verdict(
      .vfAddressSpace, found,
      or: scan.pfs.isEmpty ? "there is no PF" : "there is room in memory for the VFs of every PF",
      fix: ["turn on “Above 4G Decoding” and “SR-IOV Support” in the firmware's setup, or let the kernel find room:"]
        + bootLoader.steps(add: ["pci=realloc"]))
  }
}
