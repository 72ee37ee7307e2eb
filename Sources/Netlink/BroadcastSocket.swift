import Clibnl
import Glibc

/// What the kernel tells everybody who listens, from one netlink family.
///
/// Not thread-safe: one caller at a time.
public final class BroadcastSocket {
  /// Readable when something has come.
  public let descriptor: Int32
  /// The longest that the kernel tells of a link with all that its driver adds.
  private static let longestMessage = 64 << 10

  /// Devices coming, going and changing (`NETLINK_KOBJECT_UEVENT`), from the kernel, not from udev.
  public static func uevents() throws(NetlinkError) -> BroadcastSocket {
    try BroadcastSocket(NETLINK_KOBJECT_UEVENT, groups: 1, "the kernel's uevents")
  }

  /// Links and their IP addresses coming, going and changing, as `ip monitor link address`.
  public static func links() throws(NetlinkError) -> BroadcastSocket {
    try BroadcastSocket(
      NETLINK_ROUTE, groups: UInt32(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR), "the kernel's link messages"
    )
  }

  private init(_ family: Int32, groups: UInt32, _ what: String) throws(NetlinkError) {
    func failure() -> NetlinkError { NetlinkError(errno: errno, operation: "open", subject: "a socket to \(what)") }
    let opened = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | O_CLOEXEC | O_NONBLOCK, family)
    guard opened >= 0 else { throw failure() }
    var address = sockaddr_nl()
    address.nl_family = sa_family_t(AF_NETLINK)
    address.nl_groups = groups
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

  /// Returns when something has come, at the latest after `most`.
  public func wait(_ most: Duration) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    poll(&entry, 1, Int32(clamping: Int64(most / .milliseconds(1)) + 1))
  }

  /// Hands on each message that has come since the last call, in order; false when some were lost.
  public func drain(_ take: ([UInt8]) -> Void) -> Bool {
    var isWhole = true
    while true {
      var count = 0
      var sender = sockaddr_nl()
      let message = [UInt8](unsafeUninitializedCapacity: Self.longestMessage) { buffer, filled in
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
      guard count > 0 else { return isWhole }
      // Any process may send to a netlink socket; port 0 is the kernel.
      if sender.nl_pid == 0 { take(message) }
    }
  }
}
