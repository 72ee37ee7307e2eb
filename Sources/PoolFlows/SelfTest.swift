import PoolModel

/// What a PF's driver can and can't do, as tried on one of its VFs.
public struct SelfTest: Hashable, Sendable {
  /// One attribute, set to another value and back.
  public struct Trial: Hashable, Sendable {
    /// As rows of VFs name it: `maxTxRate`.
    public var attribute: String
    /// What stood there, in words; nil = the driver doesn't report it.
    public var was: String?
    /// What was to be set, in words; nil = nothing could be.
    public var set: String?
    public var outcome: TrialOutcome
    /// The driver's words, or what else is to be known; nil = nothing.
    public var detail: String?

    public init(attribute: String, was: String?, set: String?, outcome: TrialOutcome, detail: String? = nil) {
      self.attribute = attribute
      self.was = was
      self.set = set
      self.outcome = outcome
      self.detail = detail
    }
  }

  public var vf: VFIndex
  public var pci: PCIAddress
  /// The PF's.
  public var driver: String?
  public var trials: [Trial]
  /// How the VF differs from what it was before, in words; nil = it doesn't.
  public var left: String?
  /// Whether it is quarantined for that.
  public var isQuarantined: Bool

  public init(
    vf: VFIndex, pci: PCIAddress, driver: String?, trials: [Trial], left: String? = nil, isQuarantined: Bool = false
  ) {
    self.vf = vf
    self.pci = pci
    self.driver = driver
    self.trials = trials
    self.left = left
    self.isQuarantined = isQuarantined
  }
}

/// An attribute of a VF, and the other value that is tried.
struct VFTrial: Hashable {
  var attribute: String
  /// Nil: there is nothing that could be set and undone.
  var settings: VFSettings?
  /// Why, where that is so.
  var why = "the driver doesn't report it, so it could not be put back"

  /// For a VF that reads `state`; each value differs from what stands there.
  static func all(on state: VFState, of vf: PCIAddress) -> [VFTrial] {
    let id: UInt16 = state.vlan?.id == 4000 ? 4001 : 4000
    let tagged = { (qos: UInt8, proto: VLANProtocol) in
      VFSettings(vlan: .tagged(VLANTag(id: id, qos: qos, proto: proto)))
    }
    let links = VFLinkState.allCases.filter { $0 != state.linkState }.map { link in
      VFTrial("linkState", state.linkState.map { _ in VFSettings(linkState: link) })
    }
    return [
      VFTrial("mac", VFSettings(mac: MACAddress(trialOf: vf))), VFTrial("vlan", tagged(0, .dot1Q)),
      VFTrial("qos", tagged(5, .dot1Q)), VFTrial("vlanProto", tagged(0, .dot1ad)),
      VFTrial("spoofchk", state.spoofchk.map { VFSettings(spoofchk: !$0) }),
      VFTrial("trust", state.trust.map { VFSettings(trust: !$0) }),
    ] + (state.linkState == nil ? Array(links.prefix(1)) : links) + [
      VFTrial("maxTxRate", state.maxTxRate.map { VFSettings(maxTxRate: maxRate(besides: $0, state)) }),
      minRate(state), VFTrial("rssQuery", state.rssQuery.map { VFSettings(rssQuery: !$0) }),
    ]
  }

  private init(_ attribute: String, _ settings: VFSettings?) {
    self.attribute = attribute
    self.settings = settings
  }

  /// Mbit/s that any card has, and no less than the minimum.
  private static func maxRate(besides now: UInt32, _ state: VFState) -> UInt32 {
    let least = max(100, state.minTxRate ?? 0)
    return least == now ? now.addingReportingOverflow(100).partialValue : least
  }

  private static func minRate(_ state: VFState) -> VFTrial {
    guard let now = state.minTxRate else { return VFTrial("minTxRate", nil) }
    let most = state.maxTxRate.flatMap { $0 == 0 ? nil : $0 } ?? .max
    guard let rate = [50, 60, 10].first(where: { $0 != now && $0 <= most }) as UInt32? else {
      var trial = VFTrial("minTxRate", nil)
      trial.why = "no other rate is below its maxTxRate of \(most)"
      return trial
    }
    return VFTrial("minTxRate", VFSettings(minTxRate: rate))
  }
}

extension MACAddress {
  /// A locally administered MAC that a VF has for a moment, while a self-test tries whether it can be set.
  init(trialOf vf: PCIAddress) { self.init(value: MACAddress(unusedOf: vf).value | 0x0001_0000_0000) }

  /// Such a MAC belongs to nobody, and is what a self-test that broke off has left.
  var isOfTrial: Bool { value >> 32 == 0x0277 }
}
