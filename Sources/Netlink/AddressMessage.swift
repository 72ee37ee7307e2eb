import Clibnl
import Glibc

/// Reads RTM_NEWADDR and RTM_DELADDR messages.
enum AddressMessage {
  /// `struct ifaddrmsg`
  private static let fixedLength = 8

  /// The link and its address as text; nil for what isn't an IP address or is an IPv6 link-local one, which the kernel
  /// gives every interface that is up.
  static func parse(_ message: MessageHeader, in datagram: RawSpan) -> (ifindex: Int32, address: String)? {
    let (start, end) = (message.payload.lowerBound, message.payload.upperBound)
    guard [Int(RTM_NEWADDR), Int(RTM_DELADDR)].contains(message.type), end - start >= fixedLength,
      let family: UInt8 = datagram.number(start),
      let ifindex: Int32 = datagram.number(start + 4)
    else { return nil }
    let attributes = start + fixedLength..<end
    // On a point-to-point link IFA_ADDRESS is the peer's.
    guard
      let attribute = datagram.attribute(ofType: Int(IFA_LOCAL), in: attributes)
        ?? datagram.attribute(ofType: Int(IFA_ADDRESS), in: attributes),
      let address = text(datagram.octets(attribute.payload), family: Int32(family))
    else { return nil }
    return (ifindex, address)
  }

  private static func text(_ octets: [UInt8], family: Int32) -> String? {
    switch (family, octets.count) {
    case (AF_INET, 4): break
    case (AF_INET6, 16) where !(octets[0] == 0xfe && octets[1] & 0xc0 == 0x80): break
    default: return nil
    }
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(family, octets, &buffer, socklen_t(buffer.count)) != nil else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
