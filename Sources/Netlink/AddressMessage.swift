import Clibnl
import Glibc

/// Reads RTM_NEWADDR messages.
enum AddressMessage {
  /// `struct ifaddrmsg`
  private static let fixedLength = 8

  /// The link and its address as text; nil for what isn't an IP address or is an IPv6 link-local one, which the kernel
  /// gives every interface that is up.
  static func parse(_ message: MessageHeader) -> (ifindex: Int32, address: String)? {
    let payload = message.payload
    guard message.type == Int(RTM_NEWADDR), let family: UInt8 = payload.number(0),
      let ifindex: Int32 = payload.number(4), let attributes = payload.from(fixedLength)
    else { return nil }
    // On a point-to-point link IFA_ADDRESS is the peer's.
    guard
      let octets = (attributes.attribute(ofType: Int(IFA_LOCAL)) ?? attributes.attribute(ofType: Int(IFA_ADDRESS)))?
        .octets, let address = text(octets, family: Int32(family))
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
