/// What is to be written to a VF. Nil = not written, whatever stands there stays.
public struct VFSettings: Hashable, Codable, Sendable {
  /// A VLAN to write: a tag, or none.
  public enum VLAN: Hashable, Codable, Sendable {
    case untagged
    case tagged(VLANTag)

    public init(_ tag: VLANTag?) { self = tag.map(VLAN.tagged) ?? .untagged }
    public var tag: VLANTag? { if case .tagged(let tag) = self { tag } else { nil } }
  }

  public var mac: MACAddress?
  public var vlan: VLAN?
  public var spoofchk: Bool?
  public var trust: Bool?
  public var linkState: VFLinkState?
  /// Mbit/s
  public var minTxRate: UInt32?
  /// Mbit/s
  public var maxTxRate: UInt32?
  public var rssQuery: Bool?

  public init(
    mac: MACAddress? = nil, vlan: VLAN? = nil, spoofchk: Bool? = nil, trust: Bool? = nil,
    linkState: VFLinkState? = nil, minTxRate: UInt32? = nil, maxTxRate: UInt32? = nil, rssQuery: Bool? = nil
  ) {
    self.mac = mac
    self.vlan = vlan
    self.spoofchk = spoofchk
    self.trust = trust
    self.linkState = linkState
    self.minTxRate = minTxRate
    self.maxTxRate = maxTxRate
    self.rssQuery = rssQuery
  }

  /// Every field of `state` that the driver reports and that can be written.
  public init(_ state: VFState) {
    self.init(
      mac: state.mac, vlan: .init(state.vlan), spoofchk: state.spoofchk, trust: state.trust,
      linkState: state.linkState, minTxRate: state.minTxRate, maxTxRate: state.maxTxRate,
      rssQuery: state.rssQuery)
  }

  public var isEmpty: Bool { self == VFSettings() }

  /// The part of these settings that differs from `state`: what has to be written, identical writes left out
  /// (i40e resets a VF even when it is told what it has already).
  public func missing(from state: VFState) -> VFSettings {
    VFSettings(
      mac: mac == state.mac ? nil : mac,
      vlan: vlan?.tag == state.vlan ? nil : vlan,
      spoofchk: spoofchk == state.spoofchk ? nil : spoofchk,
      trust: trust == state.trust ? nil : trust,
      linkState: linkState == state.linkState ? nil : linkState,
      minTxRate: minTxRate == state.minTxRate ? nil : minTxRate,
      maxTxRate: maxTxRate == state.maxTxRate ? nil : maxTxRate,
      rssQuery: rssQuery == state.rssQuery ? nil : rssQuery)
  }

  /// These settings with the fields that `other` has as they are there.
  public func taking(_ other: VFSettings) -> VFSettings {
    VFSettings(
      mac: other.mac ?? mac, vlan: other.vlan ?? vlan, spoofchk: other.spoofchk ?? spoofchk,
      trust: other.trust ?? trust, linkState: other.linkState ?? linkState, minTxRate: other.minTxRate ?? minTxRate,
      maxTxRate: other.maxTxRate ?? maxTxRate, rssQuery: other.rssQuery ?? rssQuery)
  }

  /// The same fields as `other` has.
  public func restricted(to other: VFSettings) -> VFSettings {
    VFSettings(
      mac: other.mac == nil ? nil : mac, vlan: other.vlan == nil ? nil : vlan,
      spoofchk: other.spoofchk == nil ? nil : spoofchk, trust: other.trust == nil ? nil : trust,
      linkState: other.linkState == nil ? nil : linkState, minTxRate: other.minTxRate == nil ? nil : minTxRate,
      maxTxRate: other.maxTxRate == nil ? nil : maxTxRate, rssQuery: other.rssQuery == nil ? nil : rssQuery)
  }

  /// Without the fields that `other` has.
  public func besides(_ other: VFSettings) -> VFSettings {
    VFSettings(
      mac: other.mac == nil ? mac : nil, vlan: other.vlan == nil ? vlan : nil,
      spoofchk: other.spoofchk == nil ? spoofchk : nil, trust: other.trust == nil ? trust : nil,
      linkState: other.linkState == nil ? linkState : nil, minTxRate: other.minTxRate == nil ? minTxRate : nil,
      maxTxRate: other.maxTxRate == nil ? maxTxRate : nil, rssQuery: other.rssQuery == nil ? rssQuery : nil)
  }

  /// The fields that are set, in words: `trust on, maxTxRate 500`.
  public var summary: String {
    let onOff = { (on: Bool) in on ? "on" : "off" }
    let parts: [String?] = [
      mac.map { "mac \($0)" },
      vlan.map { vlan in
        vlan.tag.map { "vlan \($0.id) qos \($0.qos) proto \($0.proto.rawValue)" } ?? "vlan none"
      },
      spoofchk.map { "spoofchk \(onOff($0))" },
      trust.map { "trust \(onOff($0))" },
      linkState.map { "linkState \($0.rawValue)" },
      minTxRate.map { "minTxRate \($0)" },
      maxTxRate.map { "maxTxRate \($0)" },
      rssQuery.map { "rssQuery \(onOff($0))" },
    ]
    return parts.compactMap(\.self).joined(separator: ", ")
  }
}
