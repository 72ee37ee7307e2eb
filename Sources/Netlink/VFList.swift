import Clibnl
import PoolModel

/// IFLA_VFINFO_LIST: the VFs of one link.
///
/// The list is one nested attribute, whose 16-bit length wraps when there are many VFs (from 335 without statistics on,
/// 222 with). The VFs themselves are all there: so it is their headers that are followed, within the message and up to
/// the number of VFs that IFLA_NUM_VF gave, and the list's own length only counts where it can be true.
struct VFList {
  var vfs: VFTable<VFState>
  /// Empty when the kernel was asked to leave statistics out.
  var counters: VFTable<VFCounters>
  /// Where the attribute after the list begins.
  var end: Int

  /// Reads the list whose header is at `offset` of a link's message, which ends at `limit`; `count` is IFLA_NUM_VF, nil
  /// when there was none. Nil when not even the header is there.
  init?(_ message: RawSpan, at offset: Int, before limit: Int, count: Int?) {
    guard let length: UInt16 = message.number(offset), length >= WireAttribute.headerLength else { return nil }
    let statedEnd = offset + Int(length)
    var cursor = offset + WireAttribute.headerLength
    var (seen, counters) = (0, VFTable<VFCounters>())
    // Never more room than the message can fill, whatever IFLA_NUM_VF says.
    let room = 1 + min(count ?? .max, (limit - cursor) / Self.shortestVF)
    vfs = VFTable(room: room, blank: VFState(mac: .zero)) { state in
      guard seen < count ?? .max, count != nil || cursor < statedEnd,
        let child = message.attribute(at: cursor, before: limit), child.type == Int(IFLA_VF_INFO)
      else { return .end }
      cursor = child.next
      seen += 1
      var counted: VFCounters?
      let usual = Self.readUsual(message, child, into: &state, &counted)
      guard let index = usual ?? Self.read(message, child, into: &state, &counted), index < count ?? .max else {
        return .nothing
      }
      if let counted { counters.insert(counted, at: index) }
      return .value(at: index)
    }
    self.counters = counters
    // A length that wrapped falls short of the VFs that were read; one that doesn't spans what couldn't be read, too.
    end = max(cursor, offset + WireAttribute.aligned(Int(length)))
  }

  /// An IFLA_VF_INFO that holds an index and a MAC and nothing else.
  private static let shortestVF = 18

  /// As `read`, but only what is laid out as Linux has done it since 5.3 for Ethernet (`rtnl_fill_vfinfo`): nil otherwise,
  /// `state` being as it was. That is all there is on most hosts, and without a look for what comes next it costs a third.
  @inline(__always)
  private static func readUsual(
    _ message: RawSpan, _ info: WireAttribute, into state: inout VFState, _ counters: inout VFCounters?
  ) -> Int? {
    /// A word of the payload, all of which is there.
    func word(_ offset: Int) -> UInt32 {
      message.unsafeLoadUnaligned(fromUncheckedByteOffset: info.start &+ offset, as: UInt32.self)
    }
    func isAttribute(_ type: Int, _ length: Int, at offset: Int) -> Bool {
      word(offset) == UInt32(littleEndian: UInt32(type << 16 | length))
    }
    guard info.count >= 192, isAttribute(IFLA_VF_MAC, 40, at: 0), isAttribute(IFLA_VF_BROADCAST, 36, at: 40),
      isAttribute(IFLA_VF_VLAN, 16, at: 76), isAttribute(IFLA_VF_RATE, 16, at: 92),
      isAttribute(IFLA_VF_TX_RATE, 12, at: 108), isAttribute(IFLA_VF_SPOOFCHK, 12, at: 120),
      isAttribute(IFLA_VF_LINK_STATE, 12, at: 132), isAttribute(IFLA_VF_RSS_QUERY_EN, 12, at: 144),
      isAttribute(IFLA_VF_TRUST, 12, at: 156), isAttribute(IFLA_VF_VLAN_LIST, 24, at: 168),
      isAttribute(IFLA_VF_VLAN_INFO, 20, at: 172)
    else { return nil }
    if info.count > 192 {
      guard let last = message.attribute(at: info.start &+ 192, before: info.end), last.type == Int(IFLA_VF_STATS),
        last.end == info.end
      else { return nil }
      counters = VFCounters(message, last)
    }
    func attribute(at offset: Int, _ count: Int) -> WireAttribute {
      WireAttribute(type: 0, start: info.start &+ offset, count: count)
    }
    guard let mac = message.mac(4, of: attribute(at: 4, 36)) else { return nil }
    state.mac = mac
    state.broadcast = message.mac(0, of: attribute(at: 44, 32))
    state.minTxRate = rate(word(100))
    state.maxTxRate = rate(word(104)) ?? rate(word(116))
    state.spoofchk = isOn(word(128))
    state.linkState = VFLinkState(wire: word(140))
    state.rssQuery = isOn(word(152))
    state.trust = isOn(word(164))
    state.vlan = vlanInfo(message, attribute(at: 176, 16))
    return Int(word(4))
  }

  /// Reads one IFLA_VF_INFO; returns the VF's index, nil when there is no IFLA_VF_MAC, with which every kernel begins it.
  ///
  /// In one go, in place and without a list of the attributes: a card has hundreds of VFs, and this is what reading them
  /// costs.
  @inline(never)
  private static func read(
    _ message: RawSpan, _ info: WireAttribute, into state: inout VFState, _ counters: inout VFCounters?
  ) -> Int? {
    var index = UInt32?.none
    var (oldVLAN, hasVLANList) = (VLANTag?.none, false)
    var oldRate = UInt32.max
    var offset = info.start
    while let attribute = message.attribute(at: offset, before: info.end) {
      offset = attribute.next
      /// The second word of a `struct ifla_vf_*`; the first is the VF's index. All ones: the driver doesn't report it.
      var word: UInt32 { message.number(4, of: attribute) ?? .max }
      switch attribute.type {
      case Int(IFLA_VF_MAC):
        guard let mac = message.mac(4, of: attribute) else { return nil }
        state.mac = mac
        index = message.number(0, of: attribute)
      // struct ifla_vf_broadcast has no index.
      case Int(IFLA_VF_BROADCAST): state.broadcast = message.mac(0, of: attribute)
      case Int(IFLA_VF_VLAN): oldVLAN = vlan(message, attribute)
      case Int(IFLA_VF_VLAN_LIST):
        hasVLANList = true
        state.vlan = message.attribute(ofType: Int(IFLA_VF_VLAN_INFO), in: attribute.payload)
          .flatMap { vlanInfo(message, $0) }
      case Int(IFLA_VF_SPOOFCHK): state.spoofchk = isOn(word)
      case Int(IFLA_VF_TRUST): state.trust = isOn(word)
      case Int(IFLA_VF_LINK_STATE): state.linkState = VFLinkState(wire: word)
      case Int(IFLA_VF_TX_RATE): oldRate = word
      case Int(IFLA_VF_RATE):
        state.minTxRate = rate(word)
        state.maxTxRate = rate(message.number(8, of: attribute) ?? .max)
      case Int(IFLA_VF_RSS_QUERY_EN): state.rssQuery = isOn(word)
      case Int(IFLA_VF_IB_NODE_GUID): state.nodeGUID = guid(message, attribute)
      case Int(IFLA_VF_IB_PORT_GUID): state.portGUID = guid(message, attribute)
      case Int(IFLA_VF_STATS): counters = VFCounters(message, attribute)
      default: break
      }
    }
    guard let index else { return nil }
    if !hasVLANList { state.vlan = oldVLAN }
    if state.maxTxRate == nil { state.maxTxRate = rate(oldRate) }
    return Int(index)
  }

  @inline(__always) private static func isOn(_ word: UInt32) -> Bool? { word == .max ? nil : word != 0 }
  @inline(__always) private static func rate(_ word: UInt32) -> UInt32? { word == .max ? nil : word }

  /// `struct ifla_vf_guid`: the VF's index, padding, the GUID.
  private static func guid(_ message: RawSpan, _ attribute: WireAttribute) -> GUID? {
    message.number(8, of: attribute).map { GUID(value: $0) }
  }

  /// `struct ifla_vf_vlan`: VF, id, qos. All that there is before Linux 4.9.
  @inline(__always)
  private static func vlan(_ message: RawSpan, _ attribute: WireAttribute) -> VLANTag? {
    // mlx4 shows “no VLAN” as 4095, everyone else as 0.
    guard let id: UInt32 = message.number(4, of: attribute), id != 0, VLANTag.isUsable(id: Int(id)),
      let qos: UInt32 = message.number(8, of: attribute)
    else { return nil }
    return VLANTag(id: UInt16(id), qos: UInt8(truncatingIfNeeded: qos))
  }

  /// `struct ifla_vf_vlan_info`: as `struct ifla_vf_vlan`, then the protocol in network byte order.
  @inline(__always)
  private static func vlanInfo(_ message: RawSpan, _ attribute: WireAttribute) -> VLANTag? {
    guard let proto: UInt16 = message.number(12, of: attribute), var tag = vlan(message, attribute) else { return nil }
    if UInt16(bigEndian: proto) == ethertype8021ad { tag.proto = .dot1ad }
    return tag
  }
}

extension VFCounters {
  /// Reads IFLA_VF_STATS.
  fileprivate init(_ message: RawSpan, _ statistics: WireAttribute) {
    self.init()
    var offset = statistics.start
    while let attribute = message.attribute(at: offset, before: statistics.end) {
      offset = attribute.next
      let count: UInt64 = message.number(0, of: attribute) ?? 0
      switch attribute.type {
      case Int(IFLA_VF_STATS_RX_PACKETS): rxPackets = count
      case Int(IFLA_VF_STATS_TX_PACKETS): txPackets = count
      case Int(IFLA_VF_STATS_RX_BYTES): rxBytes = count
      case Int(IFLA_VF_STATS_TX_BYTES): txBytes = count
      case Int(IFLA_VF_STATS_BROADCAST): broadcast = count
      case Int(IFLA_VF_STATS_MULTICAST): multicast = count
      case Int(IFLA_VF_STATS_RX_DROPPED): rxDropped = count
      case Int(IFLA_VF_STATS_TX_DROPPED): txDropped = count
      default: break
      }
    }
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
    switch wire {
    case 0: self = .auto
    case 1: self = .enable
    case 2: self = .disable
    default: return nil
    }
  }
}
