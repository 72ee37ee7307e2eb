import Testing

@testable import Netlink

@Suite struct AddressMessageTests {
  /// Messages of Linux 6.12, without cache info and flags.
  @Test(
    arguments: [
      (
        "10.0.2.15", 2,
        """
        2c 00 00 00 14 00 02 00 09 00 00 00 55 02 00 00
        02 18 80 00 02 00 00 00  # ifaddrmsg: AF_INET, /24, permanent, scope, index
        08 00 01 00 0a 00 02 0f  # IFA_ADDRESS
        08 00 02 00 0a 00 02 0f  # IFA_LOCAL
        """
      ),
      (
        "10.9.0.1", 5,
        """
        28 00 00 00 14 00 02 00 09 00 00 00 55 02 00 00
        02 20 80 00 05 00 00 00  # a point-to-point link
        08 00 01 00 0a 09 00 02  # IFA_ADDRESS: the peer's
        08 00 02 00 0a 09 00 01  # IFA_LOCAL
        """
      ),
      (
        "fec0::5054:ff:fe12:3456", 2,
        """
        2c 00 00 00 14 00 02 00 09 00 00 00 55 02 00 00
        0a 40 00 c8 02 00 00 00  # ifaddrmsg: AF_INET6
        14 00 01 00 fe c0 00*6 50 54 00 ff fe 12 34 56
        """
      ),
      (
        nil, 3,
        """
        2c 00 00 00 14 00 02 00 09 00 00 00 55 02 00 00
        0a 40 80 fd 03 00 00 00  # link-local
        14 00 01 00 fe 80 00 00 00 00 00 00 50 54 00 ff fe aa 00 01
        """
      ),
      (
        nil, 3,
        """
        24 00 00 00 14 00 02 00 09 00 00 00 55 02 00 00
        02 18 80 00 03 00 00 00
        06 00 01 00 0a 00 00 00  # an address of two octets
        """
      ),
      (nil, 0, "10 00 00 00 14 00 02 00 09 00 00 00 55 02 00 00"),
    ] as [(String?, Int32, String)])
  func addresses(address: String?, ifindex: Int32, hex: String) throws {
    var bytes = Hex.bytes(hex)
    bytes[0] = UInt8(bytes.count)
    let message = try #require(bytes.header())
    let parsed = AddressMessage.parse(message, in: bytes.span.bytes)
    #expect(parsed?.address == address)
    if address != nil { #expect(parsed?.ifindex == ifindex) }
  }
}
