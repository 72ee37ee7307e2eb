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

  @Test func bridgePortsOtherMessagesAndPiecesAreNone() {
    let bridge = UInt8(7)
    #expect(KernelEvent(linkMessage: message(type: Self.delLink, family: bridge)) == nil)
    #expect(KernelEvent(linkMessage: message(type: 20)) == nil)
    #expect(KernelEvent(linkMessage: Array(message(type: Self.newLink).prefix(40))) == nil)
    #expect(KernelEvent(linkMessage: []) == nil)
  }
}
