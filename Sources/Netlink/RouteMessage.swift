import Clibnl
import Glibc

/// A default route, in whatever table.
public struct DefaultRoute: Hashable, Sendable {
  public enum Family: String, Hashable, Sendable {
    case ipv4 = "IPv4"
    case ipv6 = "IPv6"
  }

  public var family: Family
  /// The interfaces that it leaves through; several for a multipath route.
  public var ifindexes: [Int32]

  public init(family: Family, ifindexes: [Int32]) {
    self.family = family
    self.ifindexes = ifindexes
  }
}

/// Reads RTM_NEWROUTE messages.
enum RouteMessage {
  /// `struct rtmsg`
  private static let fixedLength = 12
  /// `struct rtnexthop`
  private static let hopLength = 8

  /// Nil for a route that isn't a default route of IP, or leads nowhere (`unreachable`, `blackhole`).
  static func parse(_ message: MessageHeader, in datagram: RawSpan) -> DefaultRoute? {
    let (start, end) = (message.payload.lowerBound, message.payload.upperBound)
    guard message.type == Int(RTM_NEWROUTE), end - start >= fixedLength, let family: UInt8 = datagram.number(start),
      let length: UInt8 = datagram.number(start + 1), let type: UInt8 = datagram.number(start + 7), length == 0,
      Int(type) == Int(RTN_UNICAST)
    else { return nil }
    let ip: DefaultRoute.Family
    switch Int32(family) {
    case AF_INET: ip = .ipv4
    case AF_INET6: ip = .ipv6
    default: return nil
    }
    let attributes = start + fixedLength..<end
    var ifindexes: [Int32] = []
    if let one = datagram.attribute(ofType: Int(RTA_OIF.rawValue), in: attributes),
      let ifindex: Int32 = datagram.number(0, of: one)
    {
      ifindexes.append(ifindex)
    }
    if let hops = datagram.attribute(ofType: Int(RTA_MULTIPATH.rawValue), in: attributes) {
      var offset = 0
      while let length: UInt16 = datagram.number(offset, of: hops),
        let ifindex: Int32 = datagram.number(offset + 4, of: hops), length >= hopLength
      {
        if !ifindexes.contains(ifindex) { ifindexes.append(ifindex) }
        offset += WireAttribute.aligned(Int(length))
      }
    }
    return ifindexes.isEmpty ? nil : DefaultRoute(family: ip, ifindexes: ifindexes)
  }
}
