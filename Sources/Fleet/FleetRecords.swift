import ControlAPI
import Foundation
import PoolFlows
import PoolModel

/// A host of the fleet that is up.
public struct HostRecord: Codable, Hashable, Sendable {
  public var name: String
  /// `/etc/machine-id`: tells two hosts of one name apart.
  public var machine: String
  /// vfpoold's.
  public var version: String
  /// Since when it is in the fleet without a break.
  public var since: Timestamp
}

/// A MAC's guest.
public struct BindingRecord: Codable, Hashable, Sendable {
  public var guest: BoundGuest
  public var pool: String
  public var nic: Int
  public var mac: MACAddress
  /// Where the guest was last.
  public var host: String
  /// Nil = before vfpool kept that: older than all that is known.
  public var since: Timestamp?

  init(_ binding: MACBinding, host: String) {
    guest = binding.guest
    pool = binding.pool
    nic = binding.nic
    mac = binding.mac
    since = binding.since
    self.host = host
  }

  var binding: MACBinding { MACBinding(guest: guest, pool: pool, nic: nic, mac: mac, since: since) }

  /// The same in two hosts' ledgers: the guest has moved, or is defined on both.
  func isSameNIC(as other: BindingRecord) -> Bool {
    guest.isSame(as: other.guest) && pool == other.pool && nic == other.nic
  }

  /// Of two equally old ones the one that is there stays.
  func isOlder(than other: BindingRecord) -> Bool { (since?.milliseconds ?? 0) < (other.since?.milliseconds ?? 0) }
}

/// A MAC of a guest that runs on a host, or is being started there.
public struct LiveRecord: Codable, Hashable, Sendable {
  public var guest: GuestID
  /// Nil: its VF is in none.
  public var pool: String?
  /// Nil = untagged.
  public var vlan: UInt16?

  init(_ live: FleetShare.Live) {
    guest = live.guest
    pool = live.pool
    vlan = live.vlan
  }
}

/// How full a pool is on a host. Each of its VFs is in exactly one of the counts.
public struct PoolRecord: Codable, Hashable, Sendable {
  public var active: Bool
  public var mode: PoolMode
  public var policy: PlacementPolicy
  public var total: Int
  public var free: Int
  public var leased: Int
  public var reserved: Int
  public var quarantined: Int
  public var hostUsed: Int
  public var gone: Int

  init(_ fill: PoolFill) {
    active = fill.isActive
    mode = fill.pool.mode
    policy = fill.pool.placement.policy
    total = fill.total
    free = fill[.free]
    leased = fill[.leased]
    reserved = fill[.reserved, .foreign]
    quarantined = fill[.quarantined]
    hostUsed = fill[.hostUsed]
    gone = fill[.gone]
  }
}

/// A netdef that the fleet's hosts are to have.
public struct NetdefRecord: Codable, Hashable, Sendable {
  public var xml: String
  /// The host on which it was applied first, and when.
  public var by: String
  public var at: Timestamp
  /// Nil = all hosts.
  public var hosts: [String]?
  /// Of the plan that a host made, by host: exactly that is to be done there.
  public var tokens: [String: String]?
}

/// What a host has made of a netdef.
public struct AppliedRecord: Codable, Hashable, Sendable {
  /// Which one: its `at`.
  public var netdef: Timestamp
  /// In words; nil = it is applied.
  public var failure: String?
}

/// What hosts are asked: what they would do to have these netdefs.
public struct RequestRecord: Codable, Hashable, Sendable {
  public var by: String
  public var netdefs: [String]
  /// Nil = all hosts.
  public var hosts: [String]?
}

/// A host's answer.
public struct AnswerRecord: Codable, Hashable, Sendable {
  /// In the order of the request's netdefs, up to the first that failed.
  public var plans: [PlanReport]
  /// In words; nil = all went well.
  public var failure: String?
}

/// Records as texts of JSON with sorted names: equal ones are equal texts.
enum RecordText {
  static func text(of record: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // No record has a number that JSON hasn't.
    guard let data = try? encoder.encode(record) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  /// Nil: a newer vfpool's, or somebody else's.
  static func record<Record: Decodable>(_ type: Record.Type = Record.self, _ text: String) -> Record? {
    try? JSONDecoder().decode(type, from: Data(text.utf8))
  }
}
