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
    guard let (header, _) = MessageHeader.read(WireBytes(message[...]), at: 0) else {
      throw malformed("the message is shorter than its header says")
    }
    return try parse(header)
  }

  static func parse(_ message: MessageHeader) throws(NetlinkError) -> LinkInfo {
    guard message.type == Int(RTM_NEWLINK) else { throw malformed("message type \(message.type)") }
    let payload = message.payload
    guard let ifindex: Int32 = payload.number(4), let flags: UInt32 = payload.number(8), payload.count >= fixedLength
    else { throw malformed("the message has no ifinfomsg") }
    var link = LinkInfo(ifindex: ifindex, name: "", adminUp: flags & UInt32(IFF_UP) != 0)
    var carrier: Bool?
    var lowerIsElsewhere = false
    var offset = fixedLength
    var seen: Set<Int> = []
    while let (attribute, next) = attributeOrVFList(payload, at: offset, into: &link) {
      offset = next
      // A broken VF list may leave us in its midst: what was read before it stands.
      guard seen.insert(attribute.type).inserted else { continue }
      let value = attribute.payload
      switch attribute.type {
      case Int(IFLA_IFNAME): link.name = value.text
      case Int(IFLA_ADDRESS): link.mac = MACAddress(octets: value.octets)
      case Int(IFLA_MTU): link.mtu = value.number(0, as: UInt32.self).map(Int.init)
      case Int(IFLA_CARRIER): carrier = value.number(0, as: UInt8.self).map { $0 != 0 }
      case Int(IFLA_OPERSTATE): link.operstate = value.number(0, as: UInt8.self).flatMap(operstate)
      case Int(IFLA_PARENT_DEV_NAME): link.parentDevName = value.text
      case Int(IFLA_PARENT_DEV_BUS_NAME): link.parentBus = value.text
      case Int(IFLA_MASTER): link.master = value.number(0)
      case Int(IFLA_LINK): link.lower = value.number(0)
      case Int(IFLA_LINK_NETNSID): lowerIsElsewhere = true
      case Int(IFLA_LINKINFO): link.kind = value.attribute(ofType: Int(IFLA_INFO_KIND))?.text
      case Int(IFLA_NUM_VF): link.numVF = value.number(0, as: UInt32.self).map(Int.init)
      default: break
      }
    }
    guard !link.name.isEmpty else { throw malformed("the message names no link") }
    link.carrier = link.adminUp ? carrier : nil
    if lowerIsElsewhere || link.lower == ifindex { link.lower = nil }
    return link
  }

  /// The attribute at `offset`. A VF list is read into `link` on the way: where it ends only its content tells.
  private static func attributeOrVFList(
    _ payload: WireBytes, at offset: Int, into link: inout LinkInfo
  ) -> (attribute: WireAttribute, next: Int)? {
    guard let type: UInt16 = payload.number(offset + 2), Int(type & 0x3fff) == Int(IFLA_VFINFO_LIST) else {
      return payload.attribute(at: offset)
    }
    guard let list = VFList(payload, at: offset, count: link.numVF) else { return nil }
    link.vfs.merge(list.vfs) { first, _ in first }
    link.counters.merge(list.counters) { first, _ in first }
    return (WireAttribute(type: Int(IFLA_VFINFO_LIST), payload: WireBytes([])), list.end)
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
