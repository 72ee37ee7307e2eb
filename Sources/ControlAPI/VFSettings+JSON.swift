import PoolModel

/// The names are those of `VFRow`. What is absent stays as it is; a `vlan` that is null is none, and `qos` and `vlanProto`
/// come with a `vlan`.
extension VFSettings: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case mac, vlan, qos, vlanProto, spoofchk, trust, linkState, minTxRate, maxTxRate, rssQuery
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(CodingKeys.self)
    self.init(
      mac: try fields.decodeIfPresent(MACAddress.self, forKey: .mac),
      vlan: try Self.vlan(fields),
      spoofchk: try fields.decodeIfPresent(Bool.self, forKey: .spoofchk),
      trust: try fields.decodeIfPresent(Bool.self, forKey: .trust),
      linkState: try fields.decodeIfPresent(VFLinkState.self, forKey: .linkState),
      minTxRate: try fields.decodeIfPresent(UInt32.self, forKey: .minTxRate),
      maxTxRate: try fields.decodeIfPresent(UInt32.self, forKey: .maxTxRate),
      rssQuery: try fields.decodeIfPresent(Bool.self, forKey: .rssQuery))
  }

  private static func vlan(_ fields: KeyedDecodingContainer<CodingKeys>) throws -> VLAN? {
    func wrong(_ key: CodingKeys, _ why: String) -> DecodingError {
      .dataCorruptedError(forKey: key, in: fields, debugDescription: why)
    }
    let qos = try fields.decodeIfPresent(UInt8.self, forKey: .qos)
    let proto = try fields.decodeIfPresent(VLANProtocol.self, forKey: .vlanProto)
    guard let id = try fields.decodeIfPresent(UInt16.self, forKey: .vlan) else {
      if qos != nil || proto != nil { throw wrong(.vlan, "qos and vlanProto need a vlan") }
      return fields.contains(.vlan) ? .untagged : nil
    }
    guard VLANTag.isUsable(id: Int(id)) else { throw wrong(.vlan, "vlan \(id) is not in 1...4094; null is none") }
    guard qos ?? 0 <= 7 else { throw wrong(.qos, "qos \(qos ?? 0) is not in 0...7") }
    return .tagged(VLANTag(id: id, qos: qos ?? 0, proto: proto ?? .dot1Q))
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encodeIfPresent(mac, forKey: .mac)
    switch vlan {
    case .tagged(let tag):
      try fields.encode(tag.id, forKey: .vlan)
      try fields.encode(tag.qos, forKey: .qos)
      try fields.encode(tag.proto, forKey: .vlanProto)
    case .untagged: try fields.encodeNil(forKey: .vlan)
    case nil: break
    }
    try fields.encodeIfPresent(spoofchk, forKey: .spoofchk)
    try fields.encodeIfPresent(trust, forKey: .trust)
    try fields.encodeIfPresent(linkState, forKey: .linkState)
    try fields.encodeIfPresent(minTxRate, forKey: .minTxRate)
    try fields.encodeIfPresent(maxTxRate, forKey: .maxTxRate)
    try fields.encodeIfPresent(rssQuery, forKey: .rssQuery)
  }
}
