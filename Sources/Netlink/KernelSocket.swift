import Clibnl
import Glibc

/// A netlink socket to the kernel.
final class KernelSocket: NetlinkTransport {
  private let socket: OpaquePointer
  /// What was received last, in memory that grows with the longest datagram.
  private var bytes: UnsafeMutablePointer<UInt8>?
  private var capacity = 0

  /// `family`: `NETLINK_ROUTE` and the like.
  init(_ family: Int32) throws(NetlinkError) {
    var opened: OpaquePointer?
    let error = clibnl_open(&opened, family)
    guard error == 0, let opened else {
      throw NetlinkError(errno: -error, operation: "open", subject: "a netlink socket")
    }
    socket = opened
  }

  deinit {
    nl_socket_free(socket)
    free(bytes)
  }

  func send(_ requests: [RequestMessage]) -> Int32 {
    var datagram: [UInt8] = []
    for request in requests {
      nl_complete_msg(socket, request.pointer)
      request.append(to: &datagram)
    }
    return -clibnl_send(socket, &datagram, datagram.count)
  }

  func receive(_ read: (RawSpan) throws(NetlinkError) -> Void) throws(NetlinkError) -> Int32 {
    let length = clibnl_receive(socket, &bytes, &capacity)
    guard length >= 0 else { return Int32(-length) }
    try read(UnsafeRawBufferPointer(start: bytes, count: length).bytes)
    return 0
  }
}
