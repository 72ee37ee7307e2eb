import PoolModel
import Testing

struct VFSettingsTests {
  private static let mac = MACAddress(value: 0x5254_00aa_0001)
  private static let tag = VLANTag(id: 42, qos: 3, proto: .dot1ad)
  private static let state = VFState(
    mac: mac, vlan: tag, spoofchk: true, trust: false, linkState: .auto, minTxRate: 0, maxTxRate: 500)
  private static let bare = VFState(mac: mac)

  @Test(arguments: [
    (VFSettings(), state, VFSettings()), (VFSettings(), bare, VFSettings()),
    (VFSettings(state), state, VFSettings()), (VFSettings(bare), bare, VFSettings()),
    (VFSettings(mac: .zero), state, VFSettings(mac: .zero)),
    (VFSettings(vlan: .untagged), state, VFSettings(vlan: .untagged)),
    (VFSettings(vlan: .untagged), bare, VFSettings()),
    (VFSettings(vlan: .tagged(tag)), state, VFSettings()),
    (VFSettings(vlan: .tagged(tag)), bare, VFSettings(vlan: .tagged(tag))),
    (VFSettings(vlan: .tagged(VLANTag(id: 42))), state, VFSettings(vlan: .tagged(VLANTag(id: 42)))),
    (VFSettings(spoofchk: true, trust: true), state, VFSettings(trust: true)),
    // What the driver doesn't report can't be known to be so.
    (VFSettings(trust: false), bare, VFSettings(trust: false)),
    (VFSettings(linkState: .enable, minTxRate: 0, maxTxRate: 0), state, VFSettings(linkState: .enable, maxTxRate: 0)),
    (VFSettings(bare), state, VFSettings(vlan: .untagged)),
  ])
  func missingIsWhatDiffers(settings: VFSettings, state: VFState, expected: VFSettings) {
    #expect(settings.missing(from: state) == expected)
    #expect(settings.missing(from: state).isEmpty == (expected == VFSettings()))
  }

  @Test(arguments: [
    (VFSettings(), ""), (VFSettings(trust: true), "trust on"), (VFSettings(vlan: .untagged), "vlan none"),
    (
      VFSettings(state),
      "mac 52:54:00:aa:00:01, vlan 42 qos 3 proto 802.1ad, spoofchk on, trust off, linkState auto, minTxRate 0, maxTxRate 500"
    ), (VFSettings(bare), "mac 52:54:00:aa:00:01, vlan none"),
  ])
  func summarizes(settings: VFSettings, text: String) { #expect(settings.summary == text) }

  @Test func vlanIsATagOrNone() {
    #expect(VFSettings.VLAN(nil) == .untagged)
    #expect(VFSettings.VLAN(Self.tag) == .tagged(Self.tag))
    #expect(VFSettings.VLAN.untagged.tag == nil)
    #expect(VFSettings.VLAN.tagged(Self.tag).tag == Self.tag)
  }
}
