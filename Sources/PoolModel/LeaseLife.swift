/// What happens to a lease; in which states it can happen says `LeaseState.after(_:)`.
///
/// Each event is one transaction of the ledger, durable before what follows from it is done. Nothing waits for an event
/// that follows from what is durable already: a pick of the VF that was recorded, a start, a VF's return, whose
/// undoing the open lease itself stands for until then.
public enum LeaseEvent: String, Sendable, CaseIterable {
  /// The VF that was chosen went to another guest; libvirt is left to pick.
  case choiceLost = "lost its choice"
  /// libvirt made the port by which it gave the NIC a VF, as was chosen or otherwise.
  case picked
  /// A guest that nobody saw starting was met running with the VF.
  case metRunning = "met running"
  /// libvirt has set the VF up and is about to run the guest.
  case started
  /// An admin changed what the guest's VF is set to.
  case changed
  /// The port is gone and the VF back at its baseline, or quarantined.
  case freed
  /// libvirt is through with the guest's stop or its failed start.
  case released
  /// The guest's start is past its ports, and none was made for this NIC.
  case startFailed = "not served"
  /// The NIC was taken out of its running guest, or never got into it.
  case detached
  /// The guest was found not to run, without libvirt's having told of its end.
  case guestGone = "found without guest"
  /// libvirt gave the VF to another guest, so the one that had it is gone.
  case evicted
  /// Its pool is forgotten.
  case poolRemoved = "left without pool"
  /// The host was booted since.
  case hostRebooted = "outlived by the host"
}

/// Why a lease is over, in the words of the history.
public enum LeaseEnd: String, Codable, Sendable, CaseIterable {
  case guestStopped = "guest stopped"
  case startFailed = "start failed"
  case detached
  case guestGone = "guest gone"
  case evicted = "VF given to another guest"
  case poolRemoved = "pool removed"
  case hostRebooted = "host rebooted"
}

/// What became of a lease that is over.
public enum LeaseOutcome: String, Codable, Sendable, CaseIterable {
  /// The NIC had its VF, and gave it back.
  case closed
  /// A start that never got its VF.
  case failed
}

/// What an event makes of a lease.
public enum LeaseStep: Hashable, Sendable {
  /// Open as before, or on its way.
  case open(LeaseState)
  case over(LeaseEnd)
}

/// An event that can't happen to a lease in its state.
public struct LeaseError: Error, Hashable, Sendable, CustomStringConvertible {
  public let lease: Int64
  public let guest: String
  public let state: LeaseState
  public let event: LeaseEvent

  public var description: String {
    "lease \(lease) of guest \(guest) is \(state.rawValue) and can't be \(event.rawValue); "
      + "`vfpool reconcile` compares it with libvirt"
  }
}

extension LeaseState {
  /// The state machine of a lease: what an event makes of it; nil = the event doesn't happen in this state.
  ///
  ///     recorded ─picked─► allocated ─started─► active ─freed─► freed ─released─► closed
  ///        └─released, not served─► failed
  public func after(_ event: LeaseEvent) -> LeaseStep? {
    switch (event, self) {
    case (.choiceLost, .recorded): .open(.recorded)
    case (.picked, .recorded): .open(.allocated)
    case (.metRunning, .recorded): .open(.active)
    case (.started, .allocated): .open(.active)
    case (.changed, .active): .open(.active)
    case (.freed, .allocated), (.freed, .active): .open(.freed)
    case (.released, .recorded), (.startFailed, .recorded), (.guestGone, .recorded): .over(.startFailed)
    case (.released, .freed): .over(.guestStopped)
    case (.guestGone, .freed): .over(.guestGone)
    case (.detached, .freed): .over(.detached)
    case (.evicted, .allocated), (.evicted, .active): .over(.evicted)
    case (.poolRemoved, .recorded), (.poolRemoved, .freed): .over(.poolRemoved)
    case (.hostRebooted, _): .over(.hostRebooted)
    case (.choiceLost, _), (.picked, _), (.metRunning, _), (.started, _), (.changed, _), (.freed, _), (.released, _),
      (.startFailed, _), (.detached, _), (.guestGone, _), (.evicted, _), (.poolRemoved, _):
      nil
    }
  }

  /// What becomes of a lease that ends in this state.
  public var outcome: LeaseOutcome { self == .recorded ? .failed : .closed }

  /// Whether some event leads from here to `step`.
  public func leads(to step: LeaseStep) -> Bool { LeaseEvent.allCases.contains { after($0) == step } }
}

/// The VF that libvirt gave a NIC, as its network port says.
public struct LeasePick: Hashable, Sendable {
  /// The UUID of the port.
  public var port: String
  public var vf: PCIAddress
  /// The VF's place now; nil = unknown.
  public var vfIndex: VFIndex?
  public var mac: MACAddress
  /// Nil = the one that was asked for, if any.
  public var portgroup: String?

  public init(port: String, vf: PCIAddress, vfIndex: VFIndex?, mac: MACAddress, portgroup: String?) {
    self.port = port
    self.vf = vf
    self.vfIndex = vfIndex
    self.mac = mac
    self.portgroup = portgroup
  }
}

/// Events as they change a lease; each throws when the lease isn't in a state for it.
extension Lease {
  /// libvirt is left to pick.
  public func choiceLost() throws(LeaseError) -> Lease {
    try after(.choiceLost) {
      $0.vf = nil
      $0.vfIndex = nil
    }
  }

  public func picked(_ pick: LeasePick) throws(LeaseError) -> Lease { try after(.picked) { $0.take(pick) } }

  /// `settings`: what the VF is set to; nil = not known.
  public func metRunning(_ pick: LeasePick, settings: VFSettings?) throws(LeaseError) -> Lease {
    try after(.metRunning) {
      $0.take(pick)
      $0.settings = settings
    }
  }

  /// `settings`: what the VF is set to; nil = not known.
  public func started(settings: VFSettings?) throws(LeaseError) -> Lease {
    try after(.started) { $0.settings = settings }
  }

  public func changed(to settings: VFSettings) throws(LeaseError) -> Lease {
    try after(.changed) { $0.settings = settings }
  }

  public func freed() throws(LeaseError) -> Lease { try after(.freed) { _ in } }

  /// The ledger's change that ends the lease because of `event`.
  public func ended(by event: LeaseEvent, at time: Timestamp) throws(LeaseError) -> LedgerChange {
    guard case .over(let end) = state.after(event) else { throw error(event) }
    return .closeLease(id: id, until: time, end: end)
  }

  /// Why a ledger can't take this lease in the place of one that is `earlier`, or as a new one (nil), in words; nil = it
  /// can.
  public func contradiction(after earlier: LeaseState?) -> String? {
    if state.hasPort, vf == nil || port == nil { return "lease \(id) is \(state.rawValue) without a VF and its port" }
    guard let earlier else { return state == .freed ? "lease \(id) can't begin as freed" : nil }
    return earlier.leads(to: .open(state)) ? nil : "lease \(id) can't go from \(earlier.rawValue) to \(state.rawValue)"
  }

  /// Why a ledger can't close a lease that is in its state now, in words; nil = it can.
  public func contradiction(to end: LeaseEnd) -> String? {
    state.leads(to: .over(end)) ? nil : "lease \(id) is \(state.rawValue) and can't be closed as “\(end.rawValue)”"
  }

  private func after(_ event: LeaseEvent, _ change: (inout Lease) -> Void) throws(LeaseError) -> Lease {
    guard case .open(let next) = state.after(event) else { throw error(event) }
    var lease = self
    change(&lease)
    lease.state = next
    return lease
  }

  private mutating func take(_ pick: LeasePick) {
    vf = pick.vf
    vfIndex = pick.vfIndex
    port = pick.port
    mac = pick.mac
    portgroup = pick.portgroup ?? portgroup
  }

  private func error(_ event: LeaseEvent) -> LeaseError {
    LeaseError(lease: id, guest: guest.name, state: state, event: event)
  }
}
