import Clibnl
import Glibc

/// What the kernel tells of network cards by itself.
public enum KernelEvent: Hashable, Sendable {
  /// A link as it is now: it has come, or its carrier, name, MAC, master, admin state or one of its VFs has changed. VFs
  /// themselves are not part of the message.
  case link(LinkInfo)
  case linkGone(LinkInfo)
  case device(Uevent)
  /// More came than was read in time: whatever is known may be stale.
  case lost
}

extension KernelEvent {
  /// Reads what a link message tells; nil when it is of no hardware's link, or of its bridge port rather than of itself.
  init?(linkMessage message: [UInt8]) {
    guard let (header, _) = MessageHeader.read(WireBytes(message[...]), at: 0),
      header.type == Int(RTM_NEWLINK) || header.type == Int(RTM_DELLINK),
      header.payload.number(0, as: UInt8.self) == UInt8(AF_UNSPEC), let link = try? LinkMessage.read(header),
      link.parentDevName != nil
    else { return nil }
    self = header.type == Int(RTM_NEWLINK) ? .link(link) : .linkGone(link)
  }
}
