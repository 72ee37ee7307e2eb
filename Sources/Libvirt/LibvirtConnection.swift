import Clibvirt
import Synchronization

/// A connection to libvirtd. Its calls block: make them on a queue of your own, never on Swift's cooperative threads.
///
/// Several threads may use it at once; `close` may come while others are in a call. No keepalive is set: on a local
/// socket the kernel tells when libvirtd ends, and pings would wake an idle process. An object that libvirt doesn't
/// know is an error with the code `noNetwork`, `noNetworkPort`, `noNodeDevice` or `noDomain`; after `connectionLost`
/// open another connection.
public final class LibvirtConnection: Sendable {
  /// `network:///system`, `qemu:///system`, `test:///default`.
  public let uri: String
  private let pointer: Mutex<ConnectionPointer?>
  let hub = EventHub()

  /// Opens a connection, after starting libvirt's event loop if that doesn't run yet.
  ///
  /// It hangs, without bound, while libvirtd starts: with socket activation the socket accepts long before libvirtd
  /// answers, and a monolithic libvirtd starts its autostart guests first.
  public init(uri: String) throws(LibvirtError) {
    LibvirtEventLoop.start()
    let subject = "connection \(uri)"
    guard let opened = virConnectOpen(uri) else {
      var error = LibvirtError.last("open", subject)
      if error.code == .connectionLost { error.code = .cannotConnect }
      throw error
    }
    self.uri = uri
    pointer = Mutex(ConnectionPointer(pointer: opened))
    try hub.watchClose(of: opened)
  }

  /// Ends all event streams and gives the connection back; calls made afterwards fail with `connectionLost`.
  ///
  /// Calls under way in other threads finish before libvirt lets go of it. Closing twice does nothing. Blocks as any
  /// call does, so don't leave it to `deinit` where that could matter.
  public func close() {
    guard let taken = pointer.withLock({ $0.take() })?.pointer else { return }
    hub.end(on: taken)
    virConnectClose(taken)
  }

  deinit { close() }

  /// Runs `body` with a reference of its own, so that `close` can't pull the connection away under it.
  func call<Result>(
    _ operation: String, _ subject: String, _ body: (OpaquePointer) throws(LibvirtError) -> Result
  ) throws(LibvirtError) -> Result {
    guard let lent = pointer.withLock({ $0?.retained() })?.pointer else {
      throw LibvirtError(
        code: .connectionLost, operation: operation, subject: subject, text: "connection \(uri) was closed")
    }
    defer { virConnectClose(lent) }
    return try body(lent)
  }
}

/// `virConnectPtr`: libvirt locks it itself (“thread-safe”, libvirt's `docs/api.rst`).
private struct ConnectionPointer: @unchecked Sendable {
  let pointer: OpaquePointer

  /// The same with one more reference, to be given back by `virConnectClose`.
  func retained() -> ConnectionPointer {
    virConnectRef(pointer)
    return self
  }
}
