import PoolModel

/// `vfpool selftest --pf PF`: what a PF's driver can and can't do, as tried on one free VF.
public struct SelfTestReport: Codable, Hashable, Sendable {
  public var pf: String
  /// Of the VF that it was tried on.
  public var index: Int
  public var pci: PCIAddress
  /// The PF's driver.
  @OrNull public var driver: String?
  public var attributes: [TrialRow]
  /// Whether the VF is again what it was before.
  public var restored: Bool
  /// How it differs from that, in words; null = it doesn't.
  @OrNull public var left: String?
  /// Whether it is quarantined for that.
  public var quarantined: Bool

  public init(
    vf: VFIndex, pci: PCIAddress, driver: String?, attributes: [TrialRow], left: String?, quarantined: Bool
  ) {
    pf = vf.pf
    index = vf.index
    self.pci = pci
    self.attributes = attributes
    restored = left == nil
    self.quarantined = quarantined
    _driver = OrNull(wrappedValue: driver)
    _left = OrNull(wrappedValue: left)
  }
}

/// One attribute of a VF, set to another value and back.
public struct TrialRow: Codable, Hashable, Sendable {
  /// As rows of VFs name it: `maxTxRate`.
  public var attribute: String
  /// What stood there, in words; null = the driver doesn't report it.
  @OrNull public var was: String?
  /// What was to be set, in words; null = nothing could be.
  @OrNull public var set: String?
  public var outcome: TrialOutcome
  /// The driver's words, or what else is to be known; null = nothing.
  @OrNull public var detail: String?

  public init(attribute: String, was: String?, set: String?, outcome: TrialOutcome, detail: String? = nil) {
    self.attribute = attribute
    self.outcome = outcome
    _was = OrNull(wrappedValue: was)
    _set = OrNull(wrappedValue: set)
    _detail = OrNull(wrappedValue: detail)
  }
}
