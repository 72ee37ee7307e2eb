import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool pool show P`
struct PoolShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows a pool's policy and its VFs, in the order in which libvirt hands them out.")

  @Argument(help: "The pool.", completion: .pools) var pool: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let detail = try connection.client.pool(pool)
    json.print(detail) { detail.text(Console.current.style) }
  }
}

extension PoolDetail {
  /// The pool for people.
  func text(_ style: Style) -> String {
    var fields = FieldList()
    fields.add("pool", row.name)
    fields.add("UUID", row.uuid)
    fields.add(
      "state", "\(row.active ? "active" : "inactive"), \(row.autostart ? "starts" : "does not start") with the host",
      row.active ? .green : .yellow)
    fields.add("mode", row.mode == .enforce ? "enforce" : "observe: vfpool only watches (vfpool pool enforce)")
    fields.add("VFs", row.usage)
    for pf in pool.pfs { fields.add("PF", pf.words) }
    fields.add("placement", pool.placement.words)
    for reservation in pool.reservations { fields.add("reserved", "\(reservation.vf) for guest \(reservation.guest)") }
    fields.add("VLAN", pool.vlan?.words ?? "none")
    fields.add("sets on a VF", pool.policy.words)
    for group in pool.portgroups {
      var words = [pool.portgroupVLANs[group].map { "VLAN \($0.words)" }, pool.portgroupPolicies[group]?.words]
        .compactMap(\.self)
      if group == pool.defaultPortgroup { words.insert("default", at: 0) }
      fields.add("portgroup", "\(group)\(words.isEmpty ? "" : ": ")\(words.joined(separator: ", "))")
    }
    fields.add("PF without carrier", pool.whenDown.words)
    fields.add("MAC used twice", pool.macConflict == .refuse ? "the second guest is refused" : "only reported")
    fields.add(
      "bound MACs",
      pool.mac == .keep ? "written into guests that are defined anew" : "follow what guests are defined with")
    fields.add("changes by others", pool.enforcesOutsideChanges ? "put back" : "reported")
    return fields.text(style) + (vfs.isEmpty ? "" : "\n" + Table(vfs, VFRow.columns).text(style))
  }
}

extension PoolRow {
  /// In words: `7: 2 leased, 5 free`.
  var usage: String {
    let parts = [
      (leased, "leased"), (free, "free"), (reserved, "reserved"), (hostUsed, "used by the host"),
      (quarantined, "quarantined"), (gone, "gone"),
    ]
    let words = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    return words.isEmpty ? "\(total)" : "\(total): \(words)"
  }
}

extension WhenDown {
  fileprivate var words: String {
    switch self {
    case .allow: "guests start, its VFs come last"
    case .refuse: "guests are refused"
    case .ignore: "plays no part"
    }
  }
}

extension PoolPF {
  fileprivate var words: String {
    let which = range.map { "VFs \($0.lowerBound)-\($0.upperBound)" } ?? "all VFs"
    return "\(selector): \(which)" + (vfs.map { ", vfpool keeps \($0)" } ?? "")
  }
}

extension Placement {
  /// `spread, NUMA prefer, at most 2 a guest`
  var words: String {
    var words = [policy.rawValue]
    if numa != .ignore { words.append("NUMA \(numa.rawValue)") }
    if sticky { words.append("sticky") }
    if let quota { words.append("at most \(quota) a guest") }
    return words.joined(separator: ", ")
  }
}

extension VLANTag {
  fileprivate var words: String {
    "\(id)" + (qos == 0 ? "" : " qos \(qos)") + (proto == .dot1Q ? "" : " \(proto.rawValue)")
  }
}

extension VFPolicy {
  /// What it sets; `nothing` when all stays as it is.
  fileprivate var words: String {
    let vlan = [qos.map { "qos \($0)" }, vlanProto.map { "VLAN protocol \($0.rawValue)" }].compactMap(\.self)
    let words = (early.isEmpty ? [] : [early.summary]) + vlan
    return words.isEmpty ? "nothing" : words.joined(separator: ", ")
  }
}
