import Clibnl
import Glibc
import PoolModel

/// Reads RTM_NEWLINK messages.
public enum LinkMessage {
  /// `struct ifinfomsg`
  private static let fixedLength = 16

  /// Reads one whole message, netlink header included.
  ///
  /// VFs are complete past the 16-bit wrap of IFLA_VFINFO_LIST; where the message holds fewer than IFLA_NUM_VF says,
  /// the readable ones are kept and `LinkInfo.vfsMissing` tells how many aren't. Never reads outside of `message`.
  /// Fails with `.malformed` when it isn't a link's message or names no link.
  public static func parse(_ message: [UInt8]) throws(NetlinkError) -> LinkInfo {
    let bytes = message.span.bytes
    guard let header = MessageHeader(bytes) else { throw malformed("the message is shorter than its header says") }
    return try parse(header, in: bytes)
  }

  static func parse(_ message: MessageHeader, in datagram: RawSpan) throws(NetlinkError) -> LinkInfo {
    guard message.type == Int(RTM_NEWLINK) else { throw malformed("message type \(message.type)") }
    return try read(message, in: datagram)
  }

  /// As `parse`, of RTM_DELLINK too.
  static func read(_ message: MessageHeader, in datagram: RawSpan) throws(NetlinkError) -> LinkInfo {
    let (start, end) = (message.payload.lowerBound, message.payload.upperBound)
    guard end - start >= fixedLength, let ifindex: Int32 = datagram.number(start + 4),
      let flags: UInt32 = datagram.number(start + 8)
    else { throw malformed("the message has no ifinfomsg") }
    var link = LinkInfo(ifindex: ifindex, name: "", adminUp: flags & UInt32(IFF_UP) != 0)
    var carrier: Bool?
    var lowerIsElsewhere = false
    var offset = start + fixedLength
    // All that is read here has a type below 64.
    var seen: UInt64 = 0
    while let attribute = attributeOrVFList(datagram, at: offset, before: end, into: &link) {
      offset = attribute.next
      // A broken VF list may leave us in its midst: what was read before it stands.
      let bit = UInt64(1) << UInt64(attribute.type)
      guard seen & bit == 0 else { continue }
      seen |= bit
      switch attribute.type {
      case Int(IFLA_IFNAME): link.name = datagram.text(attribute.payload)
      case Int(IFLA_ADDRESS) where attribute.payload.count == 6: link.mac = datagram.mac(0, of: attribute)
      case Int(IFLA_PERM_ADDRESS) where attribute.payload.count == 6: link.permanentMAC = datagram.mac(0, of: attribute)
      case Int(IFLA_MTU): link.mtu = datagram.number(0, of: attribute, as: UInt32.self).map(Int.init)
      case Int(IFLA_CARRIER): carrier = datagram.number(0, of: attribute, as: UInt8.self).map { $0 != 0 }
      case Int(IFLA_OPERSTATE):
        link.operstate = datagram.number(0, of: attribute, as: UInt8.self).flatMap(operstate)
      case Int(IFLA_PARENT_DEV_NAME): link.parentDevName = datagram.text(attribute.payload)
      case Int(IFLA_PARENT_DEV_BUS_NAME): link.parentBus = datagram.text(attribute.payload)
      case Int(IFLA_MASTER): link.master = datagram.number(0, of: attribute)
      case Int(IFLA_LINK): link.lower = datagram.number(0, of: attribute)
      case Int(IFLA_PROP_LIST): link.altNames = altNames(datagram, attribute.payload)
      case Int(IFLA_NEW_NETNSID): link.isElsewhere = true
      case Int(IFLA_LINK_NETNSID): lowerIsElsewhere = true
      case Int(IFLA_LINKINFO):
        let kind = datagram.attribute(ofType: Int(IFLA_INFO_KIND), in: attribute.payload)
        link.kind = kind.map { datagram.text($0.payload) }
      case Int(IFLA_NUM_VF): link.numVF = datagram.number(0, of: attribute, as: UInt32.self).map(Int.init)
      default: break
      }
    }
    guard !link.name.isEmpty else { throw malformed("the message names no link") }
    // A list in front of IFLA_NUM_VF was read without knowing how many VFs there are.
    if let count = link.numVF {
      link.vfs.cut(to: count)
      link.counters.cut(to: count)
    }
    link.carrier = link.adminUp ? carrier : nil
    if lowerIsElsewhere || link.lower == ifindex { link.lower = nil }
    return link
  }

  /// The attribute at `offset`. A VF list is read into `link` on the way: where it ends only its content tells.
  @inline(__always)
  private static func attributeOrVFList(
    _ datagram: RawSpan, at offset: Int, before end: Int, into link: inout LinkInfo
  ) -> WireAttribute? {
    let attribute = datagram.attribute(at: offset, before: end)
    if let attribute, attribute.type != Int(IFLA_VFINFO_LIST) { return attribute }
    // By its own length a list may seem not to be whole.
    guard offset <= end - WireAttribute.headerLength, let type: UInt16 = datagram.number(offset + 2),
      Int(type & 0x3fff) == Int(IFLA_VFINFO_LIST)
    else { return nil }
    guard let list = VFList(datagram, at: offset, before: end, count: link.numVF) else { return nil }
    // Few kernels send two; the usual one list isn't copied.
    if link.vfs.isEmpty {
      (link.vfs, link.counters) = (list.vfs, list.counters)
    } else {
      link.vfs.merge(list.vfs)
      link.counters.merge(list.counters)
    }
    return WireAttribute(type: Int(IFLA_VFINFO_LIST), start: list.end, count: 0)
  }

  private static func altNames(_ datagram: RawSpan, _ range: Range<Int>) -> [String] {
    var names: [String] = []
    var place = range.lowerBound
    while let name = datagram.attribute(at: place, before: range.upperBound) {
      if name.type == Int(IFLA_ALT_IFNAME) { names.append(datagram.text(name.payload)) }
      place = name.next
    }
    return names
  }

  /// RFC 2863's states, by `enum` in the kernel's `include/uapi/linux/if.h`.
  private static func operstate(_ value: UInt8) -> String? {
    let names = ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"]
    return Int(value) < names.count ? names[Int(value)] : nil
  }

  private static func malformed(_ why: String) -> NetlinkError {
    NetlinkError(code: .malformed, operation: "read", subject: "a link from the kernel's answer", kernelText: why)
  }
}
