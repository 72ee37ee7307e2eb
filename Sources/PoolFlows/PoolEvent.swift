import PoolModel

/// Something that happened, for those who watch.
public struct PoolEvent: Hashable, Sendable {
  public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
    case leaseOpened, leaseActive, leaseClosed
    /// A difference that could not be repaired.
    case drift
    case repaired
    case quarantined, unquarantined
    case carrierLost, carrierBack
    /// A start or an attachment that policy forbids.
    case refused
    /// Defined, changed, or met in libvirt.
    case poolSaved
    case poolRemoved
    case macBound, macUnbound
    case libvirtConnected, libvirtLost
    /// The ledger can't be written.
    case ledgerFailed
  }

  /// Grows by one from event to event, also over vfpoold's restarts it only grows.
  public var number: Int64
  public var time: Timestamp
  public var kind: Kind
  /// In words; may have several lines.
  public var message: String
  public var subject: Subject

  /// What an event is about; nil = nothing of that kind.
  public struct Subject: Hashable, Sendable {
    public var pool: String?
    public var guest: GuestID?
    public var mac: MACAddress?
    /// The name of the PF, of a VF's too.
    public var pf: String?
    /// The VF's index on its PF.
    public var index: Int?
    public var pci: PCIAddress?
    public var lease: Int64?
    /// Of a drift and its repair, `Drift.kind`; of a refusal, `RefusalReason`; why a lease was closed, in words.
    public var reason: String?

    public init(
      pool: String? = nil, guest: GuestID? = nil, mac: MACAddress? = nil, vf: VFIndex? = nil, pci: PCIAddress? = nil,
      lease: Int64? = nil, reason: String? = nil
    ) {
      self.pool = pool
      self.guest = guest
      self.mac = mac
      pf = vf?.pf
      index = vf?.index
      self.pci = pci
      self.lease = lease
      self.reason = reason
    }

    init(pf: String) {
      self.init()
      self.pf = pf
    }

    init(_ lease: Lease, reason: String? = nil) {
      self.init(
        pool: lease.pool, guest: lease.guest, mac: lease.mac, vf: lease.vfIndex, pci: lease.vf, lease: lease.id,
        reason: reason)
    }
  }
}

/// The newest events, and who is told of each.
struct EventFeed {
  /// How many events are kept for those who were away.
  static let memory = 256
  /// How many may watch at a time.
  static let mostWatchers = 32

  private var recent: [PoolEvent] = []
  private var next: Int64
  private var watchers: [Int64: @Sendable (PoolEvent) -> Void] = [:]
  private var nextWatcher: Int64 = 0

  /// Numbers begin above those of every earlier feed: nobody tells a thousand events a millisecond.
  init(startedAt start: Timestamp) { next = start.milliseconds * 1000 }

  mutating func tell(_ kind: PoolEvent.Kind, _ message: String, _ subject: PoolEvent.Subject, at time: Timestamp) {
    let event = PoolEvent(number: next, time: time, kind: kind, message: message, subject: subject)
    next += 1
    if recent.count == 2 * Self.memory { recent.removeFirst(Self.memory) }
    recent.append(event)
    for watcher in watchers.values { watcher(event) }
  }

  var hasRoom: Bool { watchers.count < Self.mostWatchers }
  var watcherCount: Int { watchers.count }

  /// Tells `watcher` what was told after event `number` and is still known, then all that comes; nil: too many watch.
  mutating func add(after number: Int64?, _ watcher: @escaping @Sendable (PoolEvent) -> Void) -> Int64? {
    guard hasRoom else { return nil }
    if let number { for event in recent where event.number > number { watcher(event) } }
    nextWatcher += 1
    watchers[nextWatcher] = watcher
    return nextWatcher
  }

  mutating func remove(_ watcher: Int64) { watchers[watcher] = nil }
}
