import Testing

@testable import Netlink

@Suite struct KernelEventTests {
  private static let newLink = UInt8(16)
  private static let delLink = UInt8(17)

  /// The recorded link as a message of `type`, about the family `family`.
  private func message(type: UInt8, family: UInt8 = 0) -> [UInt8] {
    var message = SyntheticLink(count: 0).bytes()
    message[4] = type
    message[16] = family
    return message
  }

  @Test func linksComeChangeAndGo() throws {
    let link = try LinkMessage.parse(message(type: Self.newLink))
    try #require(link.parentDevName != nil)
    #expect(KernelEvent(linkMessage: message(type: Self.newLink)) == .link(link))
    #expect(KernelEvent(linkMessage: message(type: Self.delLink)) == .linkGone(link))
  }

  @Test(arguments: [UInt8(20), 21])
  func addressesComeAndGo(type: UInt8) {
    // nlmsghdr, ifaddrmsg (IPv4, /24, link 5), IFA_LOCAL 192.0.2.1
    var message: [UInt8] = [32, 0, 0, 0, type, 0] + [UInt8](repeating: 0, count: 10)
    message += [2, 24, 128, 0, 5, 0, 0, 0, 8, 0, 2, 0, 192, 0, 2, 1]
    #expect(KernelEvent(linkMessage: message) == .address(ifindex: 5, isNew: type == 20))
  }

  @Test func whatIsPutOnTopOfALink() throws {
    var vlan = Recordings.vlan
    #expect(KernelEvent(linkMessage: vlan) == .stacked(on: 9, isNew: true))
    vlan[4] = Self.delLink
    #expect(KernelEvent(linkMessage: vlan) == .stacked(on: 9, isNew: false))
  }

  @Test func bridgePortsOtherMessagesAndPiecesAreNone() {
    let bridge = UInt8(7)
    #expect(KernelEvent(linkMessage: message(type: Self.delLink, family: bridge)) == nil)
    #expect(KernelEvent(linkMessage: message(type: 20)) == nil)
    #expect(KernelEvent(linkMessage: Array(message(type: Self.newLink).prefix(40))) == nil)
    #expect(KernelEvent(linkMessage: []) == nil)
  }
}
