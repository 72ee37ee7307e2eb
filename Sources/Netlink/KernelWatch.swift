import Dispatch

/// The kernel's own messages on links and devices as one stream; nothing is asked, nothing runs while nothing happens.
public final class KernelWatch: Sendable {
  /// For one reader; ends when the watch is gone.
  public let events: AsyncStream<KernelEvent>
  /// Each is a `DispatchSource`, which is Sendable; only its protocol doesn't say so.
  private nonisolated(unsafe) let sources: [any DispatchSourceRead]

  /// Events of devices are passed on for the `subsystems` only: `pci`, `net` …
  public init(subsystems: Set<String>) throws(NetlinkError) {
    let (events, continuation) = AsyncStream.makeStream(of: KernelEvent.self)
    let queue = DispatchQueue(label: "vfpool.watch")
    self.events = events
    sources = [
      Self.source(try .links(), queue, continuation) { KernelEvent(linkMessage: $0) },
      Self.source(try .uevents(), queue, continuation) { message in
        Uevent(message).flatMap { subsystems.contains($0.subsystem) ? .device($0) : nil }
      },
    ]
  }

  deinit { for source in sources { source.cancel() } }

  private static func source(
    _ socket: BroadcastSocket, _ queue: DispatchQueue, _ continuation: AsyncStream<KernelEvent>.Continuation,
    read: @escaping @Sendable ([UInt8]) -> KernelEvent?
  ) -> any DispatchSourceRead {
    let source = DispatchSource.makeReadSource(fileDescriptor: socket.descriptor, queue: queue)
    // The handlers alone keep the socket: only the queue touches it, and it is closed once both are gone.
    nonisolated(unsafe) let kept = socket
    source.setEventHandler {
      let isWhole = kept.drain { message in
        if let event = read(message) { continuation.yield(event) }
      }
      if !isWhole { continuation.yield(.lost) }
    }
    source.setCancelHandler {
      _ = kept
      continuation.finish()
    }
    source.activate()
    return source
  }
}
