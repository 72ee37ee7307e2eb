import PoolModel
import Testing

@testable import Netlink

@Suite struct VFMessageTests {
  private func bytes(_ settings: VFSettings, vf: Int = 3) throws -> [UInt8] {
    let message = try #require(VFMessage.build(settings, vf: vf, ifindex: 4))
    return Array(message.bytes[16...])
  }

  private static let ifinfomsg = "00 00 00 00 04 00 00 00 00 00 00 00 00 00 00 00"

  @Test func everythingInOneMessageTrustFirst() throws {
    let settings = VFSettings(
      mac: MACAddress("52:54:00:12:34:56"), vlan: .tagged(VLANTag(id: 42, qos: 3)), spoofchk: false, trust: true,
      linkState: .disable, minTxRate: 100, maxTxRate: 500, rssQuery: true)
    let expected = Hex.bytes(
      """
      \(Self.ifinfomsg)
      84 00 16 80  # IFLA_VFINFO_LIST
      10 00 01 80  # IFLA_VF_INFO
      0c 00 09 00 03 00 00 00 01 00 00 00  # IFLA_VF_TRUST
      70 00 01 80  # IFLA_VF_INFO
      28 00 01 00 03 00 00 00 52 54 00 12 34 56 00*26  # IFLA_VF_MAC
      10 00 02 00 03 00 00 00 2a 00 00 00 03 00 00 00  # IFLA_VF_VLAN
      10 00 06 00 03 00 00 00 64 00 00 00 f4 01 00 00  # IFLA_VF_RATE
      0c 00 04 00 03 00 00 00 00 00 00 00  # IFLA_VF_SPOOFCHK
      0c 00 07 00 03 00 00 00 01 00 00 00  # IFLA_VF_RSS_QUERY_EN
      0c 00 05 00 03 00 00 00 02 00 00 00  # IFLA_VF_LINK_STATE
      """)
    #expect(try bytes(settings) == expected)
  }

  @Test(arguments: [
    (
      VFSettings(vlan: .untagged),
      "18 00 16 80 14 00 01 80 10 00 02 00 03 00 00 00 00 00 00 00 00 00 00 00"
    ),
    (
      VFSettings(vlan: .tagged(VLANTag(id: 4094))),
      "18 00 16 80 14 00 01 80 10 00 02 00 03 00 00 00 fe 0f 00 00 00 00 00 00"
    ),
    (
      // IFLA_VF_VLAN_LIST with one IFLA_VF_VLAN_INFO
      VFSettings(vlan: .tagged(VLANTag(id: 43, qos: 5, proto: .dot1ad))),
      "20 00 16 80 1c 00 01 80 18 00 0c 80 14 00 01 00 03 00 00 00 2b 00 00 00 05 00 00 00 88 a8 00 00"
    ),
    (VFSettings(trust: false), "14 00 16 80 10 00 01 80 0c 00 09 00 03 00 00 00 00 00 00 00"),
    (VFSettings(linkState: .auto), "14 00 16 80 10 00 01 80 0c 00 05 00 03 00 00 00 00 00 00 00"),
  ])
  func oneSettingAlone(settings: VFSettings, hex: String) throws {
    #expect(try bytes(settings) == Hex.bytes(Self.ifinfomsg + " " + hex))
  }

  /// What is written for a VF is what the kernel shows for it: our own reader takes the message back.
  @Test func theReaderUnderstandsTheWriter() throws {
    let state = VFState(
      mac: try #require(MACAddress("02:00:00:00:00:07")), vlan: VLANTag(id: 7, qos: 1, proto: .dot1ad), spoofchk: true,
      linkState: .enable, minTxRate: 1, maxTxRate: 2)
    let payload = try bytes(VFSettings(state))
    let list = VFList(payload.span.bytes, at: 16, before: payload.count, count: nil)
    #expect(list?.vfs == [3: state])
    #expect(list?.end == payload.count)
  }

  @Test func noSuchIndex() { #expect(VFMessage.build(VFSettings(trust: true), vf: -1, ifindex: 4) == nil) }
}
