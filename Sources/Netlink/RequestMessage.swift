import Clibnl
import Glibc

/// A request under construction; libnl keeps lengths and padding right.
final class RequestMessage {
  let pointer: OpaquePointer
  /// False once something didn't fit.
  private(set) var isComplete = true

  /// Nil when memory is short.
  init?(type: Int32, flags: Int32 = 0) {
    guard let pointer = nlmsg_alloc_simple(type, flags) else { return nil }
    self.pointer = pointer
  }

  deinit { nlmsg_free(pointer) }

  /// `struct ifinfomsg`; `flags` are set to what they say where `change` has ones.
  func append(link ifindex: Int32, flags: UInt32 = 0, change: UInt32 = 0) {
    append([0, 0, 0, 0] + wire(UInt32(bitPattern: ifindex)) + wire(flags) + wire(change))
  }

  func append(_ bytes: [UInt8]) {
    var bytes = bytes
    note(nlmsg_append(pointer, &bytes, bytes.count, Int32(NLMSG_ALIGNTO)))
  }

  func put(_ type: Int32, bytes: [UInt8]) { note(nla_put(pointer, type, Int32(bytes.count), bytes)) }

  func put(_ type: Int32, _ words: [UInt32]) { put(type, bytes: words.flatMap(wire)) }

  func put(_ type: Int32, text: String) { note(nla_put_string(pointer, type, text)) }

  func nest(_ type: Int32, _ content: () -> Void) {
    guard let start = nla_nest_start(pointer, type) else {
      isComplete = false
      return
    }
    content()
    nla_nest_end(pointer, start)
  }

  /// The message as it goes out, but for what is filled in when it is sent.
  var bytes: [UInt8] {
    guard let header = nlmsg_hdr(pointer) else { return [] }
    return Array(UnsafeRawBufferPointer(start: header, count: Int(header.pointee.nlmsg_len)))
  }

  /// Puts the message behind others, padded so that a further one may follow.
  func append(to datagram: inout [UInt8]) {
    datagram += bytes
    while datagram.count % Int(NLMSG_ALIGNTO) != 0 { datagram.append(0) }
  }

  var sequence: UInt32 { nlmsg_hdr(pointer)?.pointee.nlmsg_seq ?? 0 }

  private func note(_ result: Int32) { if result < 0 { isComplete = false } }
}
