import Clibnl
import Glibc

/// What the kernel tells of network cards by itself.
public enum KernelEvent: Hashable, Sendable {
  /// A link as it is now: it has come, or its carrier, name, MAC, master, admin state or one of its VFs has changed. VFs
  /// themselves are not part of the message.
  case link(LinkInfo)
  case linkGone(LinkInfo)
  /// An IP address has come to a link or gone from it, link-local IPv6 ones aside.
  case address(ifindex: Int32, isNew: Bool)
  /// A link has come, or gone, that is stacked on another one: a VLAN, a macvtap.
  case stacked(on: Int32, isNew: Bool)
  case device(Uevent)
  /// More came than was read in time: whatever is known may be stale.
  case lost
}

extension KernelEvent {
  /// Reads what a message on links or addresses tells; nil when it is neither of hardware's link nor of one on top of
  /// another, or of a bridge port rather than of the link itself.
  init?(linkMessage message: [UInt8]) {
    let bytes = message.span.bytes
    guard let header = MessageHeader(bytes) else { return nil }
    if let (ifindex, _) = AddressMessage.parse(header, in: bytes) {
      self = .address(ifindex: ifindex, isNew: header.type == Int(RTM_NEWADDR))
      return
    }
    guard header.type == Int(RTM_NEWLINK) || header.type == Int(RTM_DELLINK),
      bytes.number(header.payload.lowerBound, as: UInt8.self) == UInt8(AF_UNSPEC),
      let link = try? LinkMessage.read(header, in: bytes)
    else { return nil }
    let isNew = header.type == Int(RTM_NEWLINK)
    if link.parentDevName != nil {
      self = isNew ? .link(link) : .linkGone(link)
    } else if let lower = link.lower {
      self = .stacked(on: lower, isNew: isNew)
    } else {
      return nil
    }
  }
}
