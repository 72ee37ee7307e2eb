/// Devices that the IOMMU can't keep apart: all of them go to one guest, or stay with the host.
public struct IOMMUGroup: Hashable, Sendable {
  public var number: Int
  /// The devices beside the one that was asked for, ordered by address.
  public var others: [PCIAddress]
  /// Those of the others that the host has, which keeps the whole group from guests.
  public var blockers: [Blocker]

  /// A device with a driver of the host's.
  public struct Blocker: Hashable, Sendable {
    public var pci: PCIAddress
    public var driver: String

    public init(pci: PCIAddress, driver: String) {
      self.pci = pci
      self.driver = driver
    }
  }

  public init(_ number: Int, others: [PCIAddress] = [], blockers: [Blocker] = []) {
    self.number = number
    self.others = others
    self.blockers = blockers
  }
}

extension IOMMUGroup: ExpressibleByIntegerLiteral {
  public init(integerLiteral number: Int) { self.init(number) }
}
