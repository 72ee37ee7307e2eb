import GRDB
import PoolModel

extension Baseline {
  static let table = TableWriter(
    "baseline", key: ["vf"],
    others: [
      "mac", "vlan", "qos", "vlanProto", "spoofchk", "trust", "linkState", "minTxRate", "maxTxRate", "taken",
      "rssQuery",
    ])

  /// In the order of the columns.
  var values: [(any DatabaseValueConvertible)?] {
    [
      vf.description, state.mac.description, state.vlan?.id, state.vlan?.qos, state.vlan?.proto.rawValue,
      state.spoofchk, state.trust, state.linkState?.rawValue, state.minTxRate, state.maxTxRate, taken.milliseconds,
      state.rssQuery,
    ]
  }

  init(_ row: TypedRow) throws {
    let vlan: UInt16? = try row.optionalNumber("vlan")
    self.init(
      vf: try row.value("vf"),
      state: VFState(
        mac: try row.value("mac"),
        vlan: try vlan.map { VLANTag(id: $0, qos: try row.number("qos"), proto: try row.word("vlanProto")) },
        spoofchk: row.optionalFlag("spoofchk"), trust: row.optionalFlag("trust"),
        linkState: try row.optionalWord("linkState"), minTxRate: try row.optionalNumber("minTxRate"),
        maxTxRate: try row.optionalNumber("maxTxRate"), rssQuery: row.optionalFlag("rssQuery")),
      taken: try row.time("taken"))
  }
}
