import PoolModel

/// Settings as `PATCH /v1/vfs` takes them; the names are those of `VFRow`. What is absent stays as it is; a `vlan` that is
/// null is none, and `qos` and `vlanProto` come with a `vlan`.
struct VFSettingsJSON: Codable {
  var settings: VFSettings

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case mac, vlan, qos, vlanProto, spoofchk, trust, linkState, minTxRate, maxTxRate, rssQuery
  }

  init(_ settings: VFSettings) { self.settings = settings }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(CodingKeys.self)
    settings = VFSettings(
      mac: try fields.decodeIfPresent(MACAddress.self, forKey: .mac),
      vlan: try Self.vlan(fields),
      spoofchk: try fields.decodeIfPresent(Bool.self, forKey: .spoofchk),
      trust: try fields.decodeIfPresent(Bool.self, forKey: .trust),
      linkState: try fields.decodeIfPresent(VFLinkState.self, forKey: .linkState),
      minTxRate: try fields.decodeIfPresent(UInt32.self, forKey: .minTxRate),
      maxTxRate: try fields.decodeIfPresent(UInt32.self, forKey: .maxTxRate),
      rssQuery: try fields.decodeIfPresent(Bool.self, forKey: .rssQuery))
  }

  private static func vlan(_ fields: KeyedDecodingContainer<CodingKeys>) throws -> VFSettings.VLAN? {
    let qos = try fields.decodeIfPresent(UInt8.self, forKey: .qos)
    let proto = try fields.decodeIfPresent(VLANProtocol.self, forKey: .vlanProto)
    if let id = try fields.decodeIfPresent(UInt16.self, forKey: .vlan) {
      return .tagged(VLANTag(id: id, qos: qos ?? 0, proto: proto ?? .dot1Q))
    }
    guard qos == nil, proto == nil else {
      throw DecodingError.dataCorruptedError(
        forKey: .vlan, in: fields, debugDescription: "qos and vlanProto need a vlan")
    }
    return fields.contains(.vlan) ? .untagged : nil
  }

  func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encodeIfPresent(settings.mac, forKey: .mac)
    switch settings.vlan {
    case .tagged(let tag):
      try fields.encode(tag.id, forKey: .vlan)
      try fields.encode(tag.qos, forKey: .qos)
      try fields.encode(tag.proto, forKey: .vlanProto)
    case .untagged: try fields.encodeNil(forKey: .vlan)
    case nil: break
    }
    try fields.encodeIfPresent(settings.spoofchk, forKey: .spoofchk)
    try fields.encodeIfPresent(settings.trust, forKey: .trust)
    try fields.encodeIfPresent(settings.linkState, forKey: .linkState)
    try fields.encodeIfPresent(settings.minTxRate, forKey: .minTxRate)
    try fields.encodeIfPresent(settings.maxTxRate, forKey: .maxTxRate)
    try fields.encodeIfPresent(settings.rssQuery, forKey: .rssQuery)
  }
}
