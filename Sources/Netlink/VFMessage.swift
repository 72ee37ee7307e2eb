import Clibnl
import PoolModel

/// Builds the RTM_SETLINK message that writes a VF's settings.
enum VFMessage {
  /// One message for all set fields of `settings`, as `ip link set dev PF vf N mac … vlan … max_tx_rate …` would be.
  ///
  /// IFLA_VF_RATE carries both rates: `settings` must have both or none.
  /// Within one IFLA_VF_INFO the kernel (`do_setvfinfo` in net/core/rtnetlink.c) has an order of its own, in which trust
  /// comes last; but some drivers take a MAC only for a trusted VF. So trust gets an IFLA_VF_INFO of its own, the first.
  static func build(_ settings: VFSettings, vf: Int, ifindex: Int32) -> RequestMessage? {
    guard let message = RequestMessage(type: Int32(RTM_SETLINK)), let vf = UInt32(exactly: vf) else { return nil }
    message.append(link: ifindex)
    message.nest(Int32(IFLA_VFINFO_LIST)) {
      if let trust = settings.trust {
        message.nest(Int32(IFLA_VF_INFO)) { message.put(Int32(IFLA_VF_TRUST), [vf, trust ? 1 : 0]) }
      }
      var others = settings
      others.trust = nil
      if !others.isEmpty { message.nest(Int32(IFLA_VF_INFO)) { put(others, vf, message) } }
    }
    return message.isComplete ? message : nil
  }

  private static func put(_ settings: VFSettings, _ vf: UInt32, _ message: RequestMessage) {
    if let mac = settings.mac {
      // struct ifla_vf_mac has room for 32 octets.
      message.put(Int32(IFLA_VF_MAC), bytes: wire(vf) + mac.octets + [UInt8](repeating: 0, count: 26))
    }
    switch settings.vlan {
    case nil: break
    case .untagged: message.put(Int32(IFLA_VF_VLAN), [vf, 0, 0])
    case .tagged(let tag) where tag.proto == .dot1Q:
      // Means the same as a list with 802.1Q, and older kernels know it too.
      message.put(Int32(IFLA_VF_VLAN), [vf, UInt32(tag.id), UInt32(tag.qos)])
    case .tagged(let tag):
      message.nest(Int32(IFLA_VF_VLAN_LIST)) {
        // struct ifla_vf_vlan_info: the protocol in network byte order, then two bytes of padding.
        let proto = [UInt8(ethertype8021ad >> 8), UInt8(ethertype8021ad & 0xff), 0, 0]
        message.put(
          Int32(IFLA_VF_VLAN_INFO), bytes: wire(vf) + wire(UInt32(tag.id)) + wire(UInt32(tag.qos)) + proto)
      }
    }
    if let min = settings.minTxRate, let max = settings.maxTxRate { message.put(Int32(IFLA_VF_RATE), [vf, min, max]) }
    if let spoofchk = settings.spoofchk { message.put(Int32(IFLA_VF_SPOOFCHK), [vf, spoofchk ? 1 : 0]) }
    if let rssQuery = settings.rssQuery { message.put(Int32(IFLA_VF_RSS_QUERY_EN), [vf, rssQuery ? 1 : 0]) }
    if let linkState = settings.linkState { message.put(Int32(IFLA_VF_LINK_STATE), [vf, linkState.wire]) }
  }
}

/// A number in the host's byte order.
func wire(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }
