import Clibvirt
import Synchronization

/// One event stream.
final class EventSubscription: Sendable {
  let kinds: LibvirtEventKinds
  let continuation: AsyncStream<LibvirtEvent>.Continuation

  init(_ kinds: LibvirtEventKinds, _ continuation: AsyncStream<LibvirtEvent>.Continuation) {
    self.kinds = kinds
    self.continuation = continuation
  }

  fileprivate func finish(_ reason: CloseReason) {
    continuation.yield(.connectionClosed(reason))
    continuation.finish()
  }
}

/// The event streams of one connection and the callbacks that feed them.
///
/// libvirt refuses a function that the connection has as a callback already, so all streams share one callback a kind;
/// it is there while a stream wants it.
final class EventHub: Sendable {
  private struct State {
    var subscriptions: [ObjectIdentifier: EventSubscription] = [:]
    var closed: CloseReason?
    /// This side has closed the connection.
    var ended = false
  }

  private let state = Mutex(State())
  /// Locked while libvirtd is asked, so never by a callback.
  private let registrations = Mutex<[EventRegistration]>([])

  /// libvirt's test driver never closes, and never frees its reference to the hub either.
  func watchClose(of connection: OpaquePointer) throws(LibvirtError) {
    let reference = Unmanaged.passRetained(self)
    guard virConnectRegisterCloseCallback(connection, tellHub, reference.toOpaque(), releaseHub) == 0 else {
      let error = LibvirtError.last("watch", "the connection's end")
      reference.release()
      throw error
    }
  }

  /// A subscription that comes after the connection's end gets that as its only event.
  func add(_ subscription: EventSubscription, on connection: OpaquePointer, _ subject: String) throws(LibvirtError) {
    let closed = try registrations.withLock { (registrations) throws(LibvirtError) in
      do throws(LibvirtError) {
        for callback in EventRegistration.Callback.allCases
        where subscription.kinds.contains(callback.kind) && !registrations.contains(where: { $0.callback == callback })
        {
          registrations.append(try EventRegistration(callback, feeding: self, on: connection, subject))
        }
        return try state.withLock { (state) throws(LibvirtError) in
          if state.ended {
            throw LibvirtError(
              code: .connectionLost, operation: "subscribe to", subject: subject, text: "the connection was closed")
          }
          state.subscriptions[ObjectIdentifier(subscription)] = subscription
          return state.closed
        }
      } catch {
        deregisterUnwanted(&registrations, on: connection)
        throw error
      }
    }
    if let closed { subscription.finish(closed) }
  }

  func remove(_ subscription: EventSubscription, on connection: OpaquePointer) {
    registrations.withLock { registrations in
      state.withLock { _ = $0.subscriptions.removeValue(forKey: ObjectIdentifier(subscription)) }
      deregisterUnwanted(&registrations, on: connection)
    }
  }

  /// Ends all streams. Each callback holds a reference to the connection: with one left it would stay open.
  func end(on connection: OpaquePointer) {
    let subscriptions = registrations.withLock { registrations in
      let subscriptions = state.withLock { state in
        state.ended = true
        defer { state.subscriptions = [:] }
        return Array(state.subscriptions.values)
      }
      deregisterUnwanted(&registrations, on: connection)
      return subscriptions
    }
    for subscription in subscriptions { subscription.continuation.finish() }
    virConnectUnregisterCloseCallback(connection, tellHub)
  }

  func deliver(_ event: LibvirtEvent, _ kind: LibvirtEventKinds) {
    let subscriptions = state.withLock { Array($0.subscriptions.values) }
    for subscription in subscriptions where subscription.kinds.contains(kind) {
      subscription.continuation.yield(event)
    }
  }

  fileprivate func connectionClosed(_ reason: CloseReason) {
    let subscriptions = state.withLock { state in
      state.closed = reason
      return Array(state.subscriptions.values)
    }
    for subscription in subscriptions { subscription.finish(reason) }
  }

  private func deregisterUnwanted(_ registrations: inout [EventRegistration], on connection: OpaquePointer) {
    let wanted = state.withLock { state in
      state.subscriptions.values.reduce(into: LibvirtEventKinds()) { $0.formUnion($1.kinds) }
    }
    registrations.removeAll { registration in
      guard !wanted.contains(registration.callback.kind) else { return false }
      registration.deregister(on: connection)
      return true
    }
  }
}

private func tellHub(_: OpaquePointer?, reason: Int32, opaque: UnsafeMutableRawPointer?) {
  guard let opaque else { return }
  Unmanaged<EventHub>.fromOpaque(opaque).takeUnretainedValue().connectionClosed(CloseReason(reason: reason))
}

/// libvirt's free callback for all that it holds of a hub.
func releaseHub(_ opaque: UnsafeMutableRawPointer?) {
  guard let opaque else { return }
  Unmanaged<EventHub>.fromOpaque(opaque).release()
}
