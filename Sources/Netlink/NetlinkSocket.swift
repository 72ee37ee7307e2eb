import Clibnl
import Glibc

/// Requests to one of the kernel's netlink families, and their answers.
///
/// Calls block for as long as the kernel and its drivers take. Not thread-safe: one caller at a time. Closed with the last
/// reference.
final class NetlinkSocket {
  private var socket: (any NetlinkTransport)?
  private let open: () throws(NetlinkError) -> any NetlinkTransport
  /// A dump that other changes interrupted is read again, this often.
  private static let dumpAttempts = 8

  /// `open` is called now, and again after each exchange that was given up midway.
  init(_ open: @escaping () throws(NetlinkError) -> any NetlinkTransport) throws(NetlinkError) {
    self.open = open
    socket = try open()
  }

  /// The open socket, or a new one. Until an answer's end is read the socket is left aside: what remains in it would
  /// only disturb the next request.
  private func takeSocket() throws(NetlinkError) -> any NetlinkTransport {
    defer { socket = nil }
    if let socket { return socket }
    return try open()
  }

  /// What `read` makes of each message of a dump; a dump that was interrupted is read again.
  func dump<Element>(
    _ operation: String, _ subject: String, _ request: () -> RequestMessage?,
    read: (MessageHeader, RawSpan) throws(NetlinkError) -> Element?
  ) throws(NetlinkError) -> [Element] {
    for _ in 0..<Self.dumpAttempts {
      var elements: [Element] = []
      let isWhole = try exchange(require(request(), operation, subject), operation, subject) {
        (message, datagram) throws(NetlinkError) in
        if let element = try read(message, datagram) { elements.append(element) }
      }
      if isWhole { return elements }
    }
    throw NetlinkError(code: .interrupted, operation: operation, subject: subject)
  }

  /// Sends a request, and hands on its answers up to the kernel's acknowledgement or the end of the dump; false when the
  /// dump was interrupted.
  func exchange(
    _ request: RequestMessage, _ operation: String, _ subject: String,
    _ take: (MessageHeader, RawSpan) throws(NetlinkError) -> Void
  ) throws(NetlinkError) -> Bool {
    let socket = try takeSocket()
    var ended = false
    defer { if ended { self.socket = socket } }
    let error = socket.send([request])
    guard error == 0 else { throw NetlinkError(errno: error, operation: operation, subject: subject) }
    var answers = Answers(to: request.sequence)
    while true {
      try receive(socket, operation, subject) { (datagram) throws(NetlinkError) in try answers.read(datagram, take) }
      guard let end = answers.end else { continue }
      ended = true
      guard end.errno == 0 else {
        throw NetlinkError(errno: end.errno, operation: operation, subject: subject, kernelText: end.text)
      }
      return !answers.isInterrupted
    }
  }

  /// Sends requests that are answered by an acknowledgement only, all at once; the answers in the same order.
  func pipeline(_ requests: [RequestMessage]) throws(NetlinkError) -> [Acknowledgement] {
    let (operation, subject) = ("write to", "\(requests.count) VFs")
    let socket = try takeSocket()
    var ended = false
    defer { if ended { self.socket = socket } }
    let error = socket.send(requests)
    guard error == 0 else { throw NetlinkError(errno: error, operation: operation, subject: subject) }
    var ends: [UInt32: Acknowledgement] = [:]
    let places = Set(requests.map(\.sequence))
    while ends.count < requests.count {
      try receive(socket, operation, subject) { datagram in
        var offset = 0
        while let message = MessageHeader(datagram, at: offset) {
          offset = message.next
          guard message.type == Int(NLMSG_ERROR), places.contains(message.sequence),
            let end = Acknowledgement(message, in: datagram)
          else { continue }
          ends[message.sequence] = end
        }
      }
    }
    ended = true
    return requests.compactMap { ends[$0.sequence] }
  }

  func require(
    _ request: RequestMessage?, _ operation: String, _ subject: String
  ) throws(NetlinkError) -> RequestMessage {
    guard let request, request.isComplete else {
      throw NetlinkError(errno: ENOMEM, operation: operation, subject: subject)
    }
    return request
  }

  private func receive(
    _ socket: any NetlinkTransport, _ operation: String, _ subject: String,
    _ read: (RawSpan) throws(NetlinkError) -> Void
  ) throws(NetlinkError) {
    let error = try socket.receive(read)
    guard error == 0 else { throw NetlinkError(errno: error, operation: operation, subject: subject) }
  }
}
