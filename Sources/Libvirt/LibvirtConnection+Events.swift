import Clibvirt
import Dispatch

extension LibvirtConnection {
  /// Subscribes to events, from now on; each call makes a stream of its own.
  ///
  /// The stream ends after `connectionClosed`, or without it when this side closes the connection. Ending the iteration
  /// unsubscribes, in the background. Events that nobody fetches are kept without bound. A kind that the connection's
  /// driver doesn't have is `unsupported`. Subscribe first, read the state afterwards, and no change is missed.
  public func events(_ kinds: LibvirtEventKinds) throws(LibvirtError) -> AsyncStream<LibvirtEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: LibvirtEvent.self)
    let subscription = EventSubscription(kinds, continuation)
    // Unsubscribing asks libvirtd: not for the thread that ends the iteration, still less for libvirt's event loop.
    continuation.onTermination = { [weak self] _ in
      DispatchQueue.global(qos: .utility).async { [weak self] in self?.unsubscribe(subscription) }
    }
    let subject = "events of \(uri)"
    try call("subscribe to", subject) { (connection) throws(LibvirtError) in
      try hub.add(subscription, on: connection, subject)
    }
    return stream
  }

  private func unsubscribe(_ subscription: EventSubscription) {
    // Fails after `close` only, which has unsubscribed already.
    try? call("unsubscribe from", "events of \(uri)") { hub.remove(subscription, on: $0) }
  }
}
