import Clibnl
import PoolModel

/// IFLA_VFINFO_LIST: the VFs of one link.
///
/// The list is one nested attribute, whose 16-bit length wraps when there are many VFs (from 335 without statistics on,
/// 222 with). The VFs themselves are all there: so it is their headers that are followed, within the message and up to
/// the number of VFs that IFLA_NUM_VF gave, and the list's own length only counts where it can be true.
struct VFList {
  var vfs: [Int: VFState] = [:]
  /// Empty when the kernel was asked to leave statistics out.
  var counters: [Int: VFCounters] = [:]
  /// Where the attribute after the list begins.
  var end: Int

  /// Reads the list whose header is at `offset` of a link's message; `count` is IFLA_NUM_VF, nil when there was none.
  /// Nil when not even the header is there.
  init?(_ message: WireBytes, at offset: Int, count: Int?) {
    guard let length: UInt16 = message.number(offset), length >= WireAttribute.headerLength else { return nil }
    let start = offset + WireAttribute.headerLength
    let statedEnd = offset + Int(length)
    var cursor = start
    var seen = 0
    while seen < count ?? .max, count != nil || cursor < statedEnd,
      let (child, next) = message.attribute(at: cursor), child.type == Int(IFLA_VF_INFO)
    {
      if let (index, state, counted) = Self.vf(child.payload), index < count ?? .max, vfs[index] == nil {
        vfs[index] = state
        counters[index] = counted
      }
      cursor = next
      seen += 1
    }
    // A length that wrapped falls short of the VFs that were read; one that doesn't spans what couldn't be read, too.
    end = max(cursor, offset + WireAttribute.aligned(Int(length)))
  }

  /// Reads one IFLA_VF_INFO; nil when it holds no IFLA_VF_MAC, with which every kernel begins it.
  private static func vf(_ info: WireBytes) -> (index: Int, state: VFState, counters: VFCounters?)? {
    var state = VFState(mac: .zero)
    var (index, counters) = (UInt32?.none, VFCounters?.none)
    var (oldVLAN, hasVLANList, oldRate) = (VLANTag?.none, false, UInt32?.none)
    var offset = 0
    // In one go, without a list of the attributes: a card has hundreds of VFs, and this is what reading them costs.
    while let (attribute, next) = info.attribute(at: offset) {
      offset = next
      let value = attribute.payload
      /// The second word of a `struct ifla_vf_*`; the first is the VF's index. All ones: the driver doesn't report it.
      func word(_ offset: Int = 4) -> UInt32? {
        value.number(offset, as: UInt32.self).flatMap { $0 == .max ? nil : $0 }
      }
      switch attribute.type {
      case Int(IFLA_VF_MAC):
        guard let mac = value.mac(4) else { return nil }
        index = value.number(0)
        state.mac = mac
      case Int(IFLA_VF_BROADCAST): state.broadcast = value.mac(0)  // struct ifla_vf_broadcast has no index.
      case Int(IFLA_VF_VLAN): oldVLAN = vlan(id: value.number(4), qos: value.number(8), .dot1Q)
      case Int(IFLA_VF_VLAN_LIST):
        hasVLANList = true
        state.vlan = value.attribute(ofType: Int(IFLA_VF_VLAN_INFO)).flatMap(vlan(info:))
      case Int(IFLA_VF_SPOOFCHK): state.spoofchk = word().map { $0 != 0 }
      case Int(IFLA_VF_TRUST): state.trust = word().map { $0 != 0 }
      case Int(IFLA_VF_LINK_STATE): state.linkState = word().flatMap(VFLinkState.init(wire:))
      case Int(IFLA_VF_TX_RATE): oldRate = word()
      case Int(IFLA_VF_RATE): (state.minTxRate, state.maxTxRate) = (word(), word(8))
      case Int(IFLA_VF_RSS_QUERY_EN): state.rssQuery = word().map { $0 != 0 }
      case Int(IFLA_VF_IB_NODE_GUID): state.nodeGUID = guid(value)
      case Int(IFLA_VF_IB_PORT_GUID): state.portGUID = guid(value)
      case Int(IFLA_VF_STATS): counters = Self.counters(value)
      default: break
      }
    }
    guard let index else { return nil }
    if !hasVLANList { state.vlan = oldVLAN }
    state.maxTxRate = state.maxTxRate ?? oldRate
    return (Int(index), state, counters)
  }

  /// `struct ifla_vf_guid`: the VF's index, padding, the GUID.
  private static func guid(_ info: WireBytes) -> GUID? { info.number(8).map { GUID(value: $0) } }

  private static func counters(_ statistics: WireBytes) -> VFCounters {
    let attributes = statistics.attributes()
    func count(_ type: Int) -> UInt64 { attributes.first { $0.type == type }?.payload.number(0) ?? 0 }
    return VFCounters(
      rxPackets: count(Int(IFLA_VF_STATS_RX_PACKETS)), txPackets: count(Int(IFLA_VF_STATS_TX_PACKETS)),
      rxBytes: count(Int(IFLA_VF_STATS_RX_BYTES)), txBytes: count(Int(IFLA_VF_STATS_TX_BYTES)),
      broadcast: count(Int(IFLA_VF_STATS_BROADCAST)), multicast: count(Int(IFLA_VF_STATS_MULTICAST)),
      rxDropped: count(Int(IFLA_VF_STATS_RX_DROPPED)), txDropped: count(Int(IFLA_VF_STATS_TX_DROPPED)))
  }

  /// `struct ifla_vf_vlan_info`: VF, id, qos, and the protocol in network byte order. Before Linux 4.9 there is only
  /// `struct ifla_vf_vlan`, without a protocol.
  private static func vlan(info: WireBytes) -> VLANTag? {
    guard let proto: UInt16 = info.number(12) else { return nil }
    return vlan(id: info.number(4), qos: info.number(8), UInt16(bigEndian: proto) == ethertype8021ad ? .dot1ad : .dot1Q)
  }

  private static func vlan(id: UInt32?, qos: UInt32?, _ proto: VLANProtocol) -> VLANTag? {
    // mlx4 shows “no VLAN” as 4095, everyone else as 0.
    guard let id, let qos, VLANTag.isUsable(id: Int(id)) else { return nil }
    return VLANTag(id: UInt16(id), qos: UInt8(truncatingIfNeeded: qos), proto: proto)
  }
}

/// ETH_P_8021AD
let ethertype8021ad: UInt16 = 0x88a8

extension VFLinkState {
  /// IFLA_VF_LINK_STATE_*
  var wire: UInt32 {
    switch self {
    case .auto: 0
    case .enable: 1
    case .disable: 2
    }
  }

  init?(wire: UInt32) {
    guard let state = Self.allCases.first(where: { $0.wire == wire }) else { return nil }
    self = state
  }
}
