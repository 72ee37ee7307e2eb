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
  /// Whether netdefs of the fleet are applied there; nil = yes.
  public var takesNetdefs: Bool?
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

  /// Of two equally old ones the one that is there stays.
  func isOlder(than other: BindingRecord) -> Bool { (since?.milliseconds ?? 0) < (other.since?.milliseconds ?? 0) }
}

/// That a guest no longer has a MAC: what other hosts still have of the same binding is none any more.
///
/// Which binding that is tells when it was made: all hosts have the same of it, so no two clocks are compared.
public struct UnboundRecord: Codable, Hashable, Sendable {
  /// How long that is kept, for hosts that are away meanwhile.
  public static let days = 180

  public var guest: BoundGuest
  /// The host on which it was unbound.
  public var by: String
}

/// That a host's bindings are no more. Should it come back, they give way to all others.
public struct ForgottenRecord: Codable, Hashable, Sendable {
  /// The host on which that was asked.
  public var by: String
  /// Nil: it has only begun.
  public var done: Bool?
}

/// A MAC of a guest that runs on a host, or is being started there.
public struct LiveRecord: Codable, Hashable, Sendable {
  public var guest: GuestID
  /// Nil: its VF is in none.
  public var pool: String?
  /// Nil = untagged.
  public var vlan: UInt16?
  /// Whether its pool is vfpool's to enforce; nil = it is.
  public var enforced: Bool?

  init(_ live: FleetShare.Live) {
    guest = live.guest
    pool = live.pool
    vlan = live.vlan
    enforced = live.isEnforced ? nil : false
  }

  /// Whether two hosts may not have the MAC at a time: one of them has it in a pool that vfpool enforces.
  func clashes(with other: FleetShare.Live?) -> Bool { enforced != false || other?.isEnforced != false }
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

/// Whose hosts something is.
protocol MeantForHosts {
  /// Nil = all hosts.
  var hosts: [String]? { get }
  /// Not these.
  var except: [String]? { get }
}

extension MeantForHosts {
  func isMeant(_ host: String) -> Bool { hosts?.contains(host) ?? true && except?.contains(host) != true }
}

extension NetdefRecord: MeantForHosts {}
extension RequestRecord: MeantForHosts {}

/// A netdef that the fleet's hosts are to have.
public struct NetdefRecord: Codable, Hashable, Sendable {
  public var xml: String
  /// The host on which it was applied first, and when.
  public var by: String
  public var at: Timestamp
  /// Nil = all hosts.
  public var hosts: [String]?
  /// Not these.
  public var except: [String]?
  /// Of the plan that a host made, by host: exactly that is to be done there.
  public var tokens: [String: String]?
}

/// What a host has made of a netdef.
public struct AppliedRecord: Codable, Hashable, Sendable {
  /// Which one: its `at`.
  public var netdef: Timestamp
  /// A host that is installed anew has another `/etc/machine-id`, and no pools.
  public var machine: String?
  /// In words; nil = it is applied.
  public var failure: String?
}

/// What hosts are asked: what they would do to have these netdefs.
public struct RequestRecord: Codable, Hashable, Sendable {
  public var by: String
  public var netdefs: [String]
  /// Nil = all hosts.
  public var hosts: [String]?
  /// Not these.
  public var except: [String]?
}

/// That a host's live MAC is live on another one, too; in the words of that one.
public struct ClashRecord: Codable, Hashable, Sendable {
  /// Whoever found it.
  public var host: String
  public var guest: GuestID
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
