import Glibc
import PoolModel
import Sysfs

/// All that configuration files can know a PF by.
public struct PFIdentity: Hashable, Sendable {
  /// The names of its netdevs; empty without one.
  public var netdevs: [String]
  /// The kernel's other names of them.
  public var altNames: [String]
  /// Nil for a PF that isn't on PCI.
  public var pci: PCIAddress?
  /// The MAC that the netdev has now: in a bond that of the bond.
  public var mac: MACAddress?
  /// The MAC that the card was made with; nil = unknown.
  public var permanentMAC: MACAddress?
  public var driver: String?

  public init(
    netdevs: [String], altNames: [String] = [], pci: PCIAddress? = nil, mac: MACAddress? = nil,
    permanentMAC: MACAddress? = nil, driver: String? = nil
  ) {
    self.netdevs = netdevs
    self.altNames = altNames
    self.pci = pci
    self.mac = mac
    self.permanentMAC = permanentMAC
    self.driver = driver
  }

  public init(_ pf: PF) {
    self.init(
      // Without a netdev a PF goes by its PCI address.
      netdevs: pf.name == pf.pci?.description ? [] : [pf.name] + pf.otherNetdevs, altNames: pf.altNames, pci: pf.pci,
      mac: pf.mac, permanentMAC: pf.permanentMAC, driver: pf.driver)
  }

  /// As far as sysfs knows it: neither other names nor the MAC that the card was made with.
  public init(_ pf: SysfsPF) {
    self.init(netdevs: pf.netdevs, pci: pf.pci, mac: pf.mac, driver: pf.driver)
  }

  var names: [String] { netdevs + altNames }
  var macs: [MACAddress] { [mac, permanentMAC].compactMap(\.self) }

  /// What ethtool names the driver by, which udev and systemd go by, and what sysfs does.
  private var drivers: [String] {
    guard let driver else { return [] }
    return driver == "mlx4_core" ? [driver, "mlx4_en"] : [driver]
  }

  /// Whether a pattern describes the driver.
  func hasDriver(_ pattern: some StringProtocol) -> Match { driver == nil ? .maybe : Match(glob(pattern, drivers)) }

  /// Whether a pattern describes the name that the kernel gave the netdev first, `eth0`. Nobody remembers that of a
  /// netdev that was renamed.
  func hadKernelName(_ pattern: some StringProtocol) -> Match {
    if pattern.allSatisfy({ $0 == "*" }) && !pattern.isEmpty { return .yes }
    let isKernelNamed = netdevs.contains { $0.hasPrefix("eth") }
    if glob(pattern, netdevs) { return isKernelNamed ? .yes : .maybe }
    let mayMeanOne = pattern.hasPrefix("eth") || (0...9).contains { glob(pattern, ["eth\($0)"]) }
    return !isKernelNamed && mayMeanOne ? .maybe : .no
  }

  /// Whether a pattern describes the card's place as udev's `ID_PATH` has it: `pci-0000:01:00.0`.
  func hasPath(_ pattern: some StringProtocol) -> Match {
    guard let pci else { return .maybe }
    if glob(pattern, ["pci-\(pci)"]) { return .yes }
    // Behind a platform's bridge: platform-3f8000000.pcie-pci-0000:01:00.0
    return pattern.hasPrefix("platform-") ? .maybe : .no
  }

  /// Whether one of the PF's MACs is meant; as text in any notation, or as a pattern.
  func hasMAC(_ text: some StringProtocol) -> Match {
    if macs.isEmpty { return .maybe }
    if let mac = MACAddress(anyNotation: text) { return Match(macs.contains(mac)) }
    return Match(glob(text.lowercased(), macs.map(\.description)))
  }

  /// Whether the name of a folder in sysfs is that of the netdev or of the PCI device; as in a shell it may be a
  /// pattern, or hold a variable.
  func hasFolder(_ name: some StringProtocol) -> Match {
    if name.contains(where: { "$%{`".contains($0) }) { return .maybe }
    if let pci, PCIAddress(String(name)) == pci { return .yes }
    return Match(glob(name, netdevs + (pci.map { ["\($0)"] } ?? [])))
  }
}

/// Whether one of the texts is what a pattern as in `fnmatch(3)` describes.
func glob(_ pattern: some StringProtocol, _ texts: [String]) -> Bool {
  texts.contains { fnmatch(String(pattern), $0, 0) == 0 }
}

extension MACAddress {
  /// Reads `52:54:00:AA:00:01`, `52-54-00-aa-00-01` and `5254.00aa.0001`, as systemd does.
  init?(anyNotation text: some StringProtocol) {
    let digits = text.filter { !":-.".contains($0) }
    guard digits.count == 12, digits.allSatisfy(\.isHexDigit), [14, 17].contains(text.count),
      let value = UInt64(String(digits), radix: 16)
    else { return nil }
    self.init(value: value)
  }
}
