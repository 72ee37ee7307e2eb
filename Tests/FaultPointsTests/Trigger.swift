import FaultPoints
import PoolFlows
import Synchronization

/// What is to go wrong while a flow runs.
enum Fault: Hashable, Sendable, CaseIterable {
  /// vfpoold is killed; what the ledger hasn't written yet is lost.
  case kill
  /// vfpoold is killed; what the ledger was given is written.
  case killAfterWriting
  /// One call fails.
  case error
  /// The call fails and all later ones of that neighbour do.
  case lastingError

  var kills: Bool { self == .kill || self == .killAfterWriting }
}

/// Makes the fault happen at the Nth point that is passed.
final class Trigger: Sendable {
  private struct State {
    var fault: Fault?
    var hit = 0
    var count = 0
    var struck: FaultPoint?
    /// What fails now, all the time.
    var failing: FaultPoint?
  }

  private let state = Mutex(State())

  /// `hit`: from 1.
  func arm(_ fault: Fault, at hit: Int) { state.withLock { $0 = State(fault: fault, hit: hit) } }

  func disarm() {
    state.withLock {
      $0.fault = nil
      $0.failing = nil
    }
  }

  /// Where the fault happened; nil = not yet.
  var struck: FaultPoint? { state.withLock(\.struck) }

  /// Whether vfpoold is killed at this point; throws when the call is to fail.
  func pass(_ point: FaultPoint) throws -> Bool {
    let (fault, hit) = state.withLock { state -> (Fault?, Int) in
      if let failing = state.failing, Self.isSame(failing, point) { return (.lastingError, state.hit) }
      guard let fault = state.fault, state.struck == nil else { return (nil, 0) }
      state.count += 1
      guard state.count == state.hit else { return (nil, 0) }
      state.struck = point
      // A lost connection stays lost until libvirt is connected again.
      if fault == .lastingError || fault == .error && point.call.asksLibvirt { state.failing = point }
      return (fault, state.hit)
    }
    guard let fault else { return false }
    if fault.kills { return true }
    throw FaultError(Self.kind(point, hit), at: point).asThrown
  }

  /// Whether what makes one fail makes the other fail: a full disk, a lost connection, a kernel that refuses a call.
  private static func isSame(_ one: FaultPoint, _ other: FaultPoint) -> Bool {
    switch one.call.neighbour {
    case .ledger: one == other
    case .links: one == other
    case .networks, .guests, .devices: one.call.asksLibvirt ? other.call.asksLibvirt : one == other
    }
  }

  private static func kind(_ point: FaultPoint, _ hit: Int) -> FaultError.Kind {
    if point.call.asksLibvirt { return .disconnected }
    if point.call.neighbour == .ledger { return .ENOSPC }
    return [.EBUSY, .EPERM, .EOPNOTSUPP][hit % 3]
  }
}
