/// A VF count that vfpool keeps on a PF, also after a boot.
public struct OwnVFCount: Hashable, Codable, Sendable {
  public var pci: PCIAddress
  /// Finds the card again when it has moved to another slot; nil = unknown.
  public var mac: MACAddress?
  /// The PF's name when it was recorded; for people.
  public var name: String
  public var count: Int

  public init(pci: PCIAddress, mac: MACAddress?, name: String, count: Int) {
    self.pci = pci
    self.mac = mac
    self.name = name
    self.count = count
  }
}
