import Testing

@testable import Netlink

@Suite struct RouteMessageTests {
  /// Messages of Linux 6.12, without metrics and cache info.
  @Test(
    arguments: [
      (
        DefaultRoute(family: .ipv4, ifindexes: [2]),
        """
        34 00 00 00 18 00 02 00 09 00 00 00 55 02 00 00
        02 00 00 00 fe 03 00 01 00 00 00 00  # rtmsg: AF_INET, /0, table main, unicast
        08 00 0f 00 fe 00 00 00  # RTA_TABLE
        08 00 05 00 0a 00 02 02  # RTA_GATEWAY
        08 00 04 00 02 00 00 00  # RTA_OIF
        """
      ),
      (
        DefaultRoute(family: .ipv4, ifindexes: [3, 4]),
        """
        44 00 00 00 18 00 02 00 09 00 00 00 55 02 00 00
        02 00 00 00 fe 03 00 01 00 00 00 00
        08 00 0f 00 fe 00 00 00
        24 00 09 00  # RTA_MULTIPATH
        10 00 00 00 03 00 00 00 08 00 05 00 c0 00 02 01
        10 00 00 00 04 00 00 00 08 00 05 00 c0 00 02 02
        """
      ),
      (
        DefaultRoute(family: .ipv6, ifindexes: [5]),
        """
        34 00 00 00 18 00 02 00 09 00 00 00 55 02 00 00
        0a 00 00 00 fe 09 00 01 00 00 00 00  # AF_INET6, by a router's advertisement
        08 00 04 00 05 00 00 00
        """
      ),
      (
        nil,
        """
        24 00 00 00 18 00 02 00 09 00 00 00 55 02 00 00
        02 18 00 00 fe 02 fd 01 00 00 00 00  # a /24
        08 00 04 00 02 00 00 00
        """
      ),
      (
        nil,
        """
        24 00 00 00 18 00 02 00 09 00 00 00 55 02 00 00
        0a 00 00 00 00 00 00 07 00 00 00 00  # unreachable
        08 00 04 00 01 00 00 00
        """
      ),
      (
        nil,
        """
        24 00 00 00 18 00 02 00 09 00 00 00 55 02 00 00
        80 00 00 00 fe 03 00 01 00 00 00 00  # of another family
        08 00 04 00 01 00 00 00
        """
      ),
      (
        nil,
        """
        30 00 00 00 18 00 02 00 09 00 00 00 55 02 00 00
        02 00 00 00 fe 03 00 01 00 00 00 00
        0c 00 09 00 04 00 00 00 03 00 00 00  # a next hop that is too short
        """
      ),
      (nil, "14 00 00 00 18 00 02 00 09 00 00 00 55 02 00 00 02 00 00 00"),
      (
        nil,
        """
        24 00 00 00 14 00 02 00 09 00 00 00 55 02 00 00
        02 00 00 00 fe 03 00 01 00 00 00 00  # no route at all
        08 00 04 00 02 00 00 00
        """
      ),
    ] as [(DefaultRoute?, String)])
  func routes(route: DefaultRoute?, hex: String) throws {
    var bytes = Hex.bytes(hex)
    bytes[0] = UInt8(bytes.count)
    let datagram = bytes.span.bytes
    let header = MessageHeader(datagram)
    let message = try #require(header)
    let found = RouteMessage.parse(message, in: datagram)
    #expect(found == route)
  }
}
