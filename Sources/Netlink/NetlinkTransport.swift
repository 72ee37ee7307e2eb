/// What carries requests to the kernel, and datagrams back.
protocol NetlinkTransport: AnyObject {
  /// Gives each request a sequence number, asks for an acknowledgement of each, and sends them in one datagram. 0, or an
  /// errno.
  func send(_ requests: [RequestMessage]) -> Int32
  /// Waits for the kernel's next datagram, however long, and hands it on. 0, or an errno.
  func receive(_ read: (RawSpan) throws(NetlinkError) -> Void) throws(NetlinkError) -> Int32
}
