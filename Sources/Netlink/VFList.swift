import Clibnl
import PoolModel

/// IFLA_VFINFO_LIST: the VFs of one link.
///
/// The list is one nested attribute, whose 16-bit length wraps when there are many VFs (from 335 without statistics on,
/// 222 with). The VFs themselves are all there: so it is their headers that are followed, within the message and up to
/// the number of VFs that IFLA_NUM_VF gave, and the list's own length only counts where it can be true.
struct VFList {
  var vfs: [Int: VFState] = [:]
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
      if let (index, state) = Self.vf(child.payload), index < count ?? .max, vfs[index] == nil { vfs[index] = state }
      cursor = next
      seen += 1
    }
    // A length that wrapped falls short of the VFs that were read; one that doesn't spans what couldn't be read, too.
    end = max(cursor, offset + WireAttribute.aligned(Int(length)))
  }

  /// Reads one IFLA_VF_INFO; nil when it holds no IFLA_VF_MAC, with which every kernel begins it.
  private static func vf(_ info: WireBytes) -> (index: Int, state: VFState)? {
    let attributes = info.attributes()
    func value(_ type: Int) -> WireBytes? { attributes.first { $0.type == type }?.payload }
    /// The second word of a `struct ifla_vf_*`; the first is the VF's index. All ones: the driver doesn't report it.
    func word(_ type: Int, _ offset: Int = 4) -> UInt32? {
      value(type)?.number(offset, as: UInt32.self).flatMap { $0 == .max ? nil : $0 }
    }
    guard let mac = value(Int(IFLA_VF_MAC)), let index: UInt32 = mac.number(0),
      let address = mac.part(4, 6).flatMap({ MACAddress(octets: $0.octets) })
    else { return nil }
    var state = VFState(mac: address)
    if let list = value(Int(IFLA_VF_VLAN_LIST)) {
      state.vlan = list.attribute(ofType: Int(IFLA_VF_VLAN_INFO)).flatMap(vlan(info:))
    } else {
      state.vlan = value(Int(IFLA_VF_VLAN)).flatMap { vlan(id: $0.number(4), qos: $0.number(8), .dot1Q) }
    }
    state.spoofchk = word(Int(IFLA_VF_SPOOFCHK)).map { $0 != 0 }
    state.trust = word(Int(IFLA_VF_TRUST)).map { $0 != 0 }
    state.linkState = word(Int(IFLA_VF_LINK_STATE)).flatMap(VFLinkState.init(wire:))
    state.minTxRate = word(Int(IFLA_VF_RATE))
    state.maxTxRate = word(Int(IFLA_VF_RATE), 8) ?? word(Int(IFLA_VF_TX_RATE))
    return (Int(index), state)
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
