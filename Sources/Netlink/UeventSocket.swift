import Clibnl
import Glibc

/// What the kernel tells of a device: `bind`, `unbind`, `add`, `remove`, `move`, `change` …
///
/// Source: `kobject_uevent_env` in the kernel's `lib/kobject_uevent.c`.
public struct Uevent: Hashable, Sendable {
  public var action: String
  /// Below `/sys`: `/devices/pci0000:00/0000:00:03.0/0000:01:10.0`.
  public var path: String
  /// `pci`, `net` …
  public var subsystem: String
  /// All `KEY=VALUE` pairs: `DRIVER`, `PCI_SLOT_NAME`, `INTERFACE` …
  public var properties: [String: String]

  /// Reads one message: `ACTION@PATH`, then the pairs, each with a zero byte behind it. Nil for anything else.
  public init?(_ message: some Collection<UInt8>) {
    let parts = message.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    guard let head = parts.first, let at = head.firstIndex(of: "@"), at != head.startIndex else { return nil }
    properties = [:]
    for part in parts.dropFirst() {
      guard let equals = part.firstIndex(of: "=") else { continue }
      properties[String(part[..<equals])] = String(part[part.index(after: equals)...])
    }
    guard let subsystem = properties["SUBSYSTEM"] else { return nil }
    action = String(head[..<at])
    path = String(head[head.index(after: at)...])
    self.subsystem = subsystem
  }
}

/// The kernel's messages about devices (NETLINK_KOBJECT_UEVENT), as they come from the kernel, not from udev.
///
/// Not thread-safe: one caller at a time.
public final class UeventSocket {
  private let descriptor: Int32

  public init() throws(NetlinkError) {
    func failure() -> NetlinkError {
      NetlinkError(errno: errno, operation: "open", subject: "a socket to the kernel's uevents")
    }
    let opened = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | O_CLOEXEC | O_NONBLOCK, Int32(NETLINK_KOBJECT_UEVENT))
    guard opened >= 0 else { throw failure() }
    var address = sockaddr_nl()
    address.nl_family = sa_family_t(AF_NETLINK)
    address.nl_groups = 1
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(opened, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
      }
    }
    guard bound == 0 else {
      let error = failure()
      close(opened)
      throw error
    }
    // A card with 256 VFs tells a thousand things at once.
    var size: Int32 = 4 << 20
    setsockopt(opened, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
    descriptor = opened
  }

  deinit { close(descriptor) }

  /// What has come since the last call, in order; nil when some of it was lost.
  public func drain() -> [Uevent]? {
    var events: [Uevent] = []
    var isWhole = true
    while true {
      var count = 0
      var sender = sockaddr_nl()
      let message = [UInt8](unsafeUninitializedCapacity: 8192) { buffer, filled in
        var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
        count = withUnsafeMutablePointer(to: &sender) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            recvfrom(descriptor, buffer.baseAddress, buffer.count, 0, $0, &length)
          }
        }
        filled = max(0, count)
      }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == ENOBUFS {
        isWhole = false
        continue
      }
      guard count > 0 else { return isWhole ? events : nil }
      // Any process may send to a netlink socket; port 0 is the kernel.
      if sender.nl_pid == 0, let event = Uevent(message) { events.append(event) }
    }
  }
}
