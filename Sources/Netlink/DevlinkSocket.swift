import Clibnl
import Glibc

/// A connection to the kernel's devlink, which knows what a network card is beside its links: which mode its switch has,
/// and which netdevs stand for its VFs. Not every driver takes part.
///
/// Not thread-safe: one caller at a time. The socket is closed with the last reference.
public final class DevlinkSocket {
  private let socket: NetlinkSocket
  /// Generic netlink numbers its families at run time.
  private let family: Int32

  /// Fails with `.notSupported` where the kernel has no devlink.
  public convenience init() throws(NetlinkError) {
    try self.init { () throws(NetlinkError) in try KernelSocket(NETLINK_GENERIC) }
  }

  /// As `NetlinkSocket.init`.
  init(_ open: @escaping () throws(NetlinkError) -> any NetlinkTransport) throws(NetlinkError) {
    socket = try NetlinkSocket(open)
    let (operation, subject) = ("look up", "devlink")
    let request = try socket.require(RequestMessage(type: Int32(GENL_ID_CTRL)), operation, subject)
    request.append(genericCommand: UInt8(CTRL_CMD_GETFAMILY))
    request.put(Int32(CTRL_ATTR_FAMILY_NAME), text: DEVLINK_GENL_NAME)
    var family: Int32?
    do throws(NetlinkError) {
      _ = try socket.exchange(request, operation, subject) { message, datagram in
        family = family ?? DevlinkMessage.family(datagram, message.payload)
      }
    } catch {
      guard error.errno == ENOENT else { throw error }
      throw NetlinkError(code: .notSupported, operation: operation, subject: subject, errno: ENOENT)
    }
    guard let family else { throw NetlinkError(code: .malformed, operation: operation, subject: subject) }
    self.family = family
  }

  /// Every device whose driver takes part, as `devlink dev show`.
  public func devices() throws(NetlinkError) -> [DevlinkDevice] {
    try list(UInt8(DEVLINK_CMD_GET.rawValue), DevlinkMessage.device)
  }

  /// `legacy` or `switchdev`, as `devlink dev eswitch show`; nil where the driver has no such switch.
  public func eswitchMode(of device: DevlinkDevice) throws(NetlinkError) -> String? {
    let (operation, subject) = ("read the switch mode of", "\(device)")
    let request = try socket.require(RequestMessage(type: family), operation, subject)
    request.append(genericCommand: UInt8(DEVLINK_CMD_ESWITCH_GET.rawValue))
    request.put(Int32(DEVLINK_ATTR_BUS_NAME.rawValue), text: device.bus)
    request.put(Int32(DEVLINK_ATTR_DEV_NAME.rawValue), text: device.name)
    var mode: String?
    do throws(NetlinkError) {
      _ = try socket.exchange(request, operation, subject) { message, datagram in
        mode = mode ?? DevlinkMessage.eswitchMode(datagram, message.payload)
      }
    } catch {
      guard error.code == .notSupported || error.code == .noSuchLink else { throw error }
    }
    return mode
  }

  /// The netdevs that stand for VFs, as `devlink port show`, by device and VF index: their interface indexes.
  public func representors() throws(NetlinkError) -> [DevlinkDevice: [Int: Int32]] {
    try list(UInt8(DEVLINK_CMD_PORT_GET.rawValue), DevlinkMessage.representor).reduce(into: [:]) {
      $0[$1.device, default: [:]][$1.vf] = $1.ifindex
    }
  }

  private func list<Element>(
    _ command: UInt8, _ read: (RawSpan, Range<Int>) -> Element?
  ) throws(NetlinkError) -> [Element] {
    try socket.dump("list", "devlink's devices") {
      let request = RequestMessage(type: family, flags: Int32(NLM_F_DUMP))
      request?.append(genericCommand: command)
      return request
    } read: { (message, datagram) throws(NetlinkError) in
      read(datagram, message.payload)
    }
  }
}

/// A device by its bus and name: `pci/0000:01:00.0`.
public struct DevlinkDevice: Hashable, Sendable, CustomStringConvertible {
  public var bus: String
  public var name: String

  public init(bus: String, name: String) {
    self.bus = bus
    self.name = name
  }

  public var description: String { "\(bus)/\(name)" }
}

/// Reads what is behind the header of devlink's messages and of generic netlink's own: `struct genlmsghdr`, then attributes.
enum DevlinkMessage {
  private static let headerLength = 4

  /// The number of the family that was asked for.
  static func family(_ datagram: RawSpan, _ payload: Range<Int>) -> Int32? {
    number(datagram, payload, Int(CTRL_ATTR_FAMILY_ID), as: UInt16.self).map(Int32.init)
  }

  static func device(_ datagram: RawSpan, _ payload: Range<Int>) -> DevlinkDevice? {
    guard let bus = text(datagram, payload, DEVLINK_ATTR_BUS_NAME),
      let name = text(datagram, payload, DEVLINK_ATTR_DEV_NAME), !bus.isEmpty, !name.isEmpty
    else { return nil }
    return DevlinkDevice(bus: bus, name: name)
  }

  static func eswitchMode(_ datagram: RawSpan, _ payload: Range<Int>) -> String? {
    switch number(datagram, payload, DEVLINK_ATTR_ESWITCH_MODE, as: UInt16.self) {
    case UInt16(DEVLINK_ESWITCH_MODE_LEGACY.rawValue)?: "legacy"
    case UInt16(DEVLINK_ESWITCH_MODE_SWITCHDEV.rawValue)?: "switchdev"
    case let other?: "mode \(other)"
    case nil: nil
    }
  }

  /// Nil for every port but a VF's with a netdev. A VF of another host, behind a card with its own processors, isn't ours.
  static func representor(
    _ datagram: RawSpan, _ payload: Range<Int>
  ) -> (device: DevlinkDevice, vf: Int, ifindex: Int32)? {
    guard let device = device(datagram, payload),
      number(datagram, payload, DEVLINK_ATTR_PORT_FLAVOUR, as: UInt16.self)
        == UInt16(DEVLINK_PORT_FLAVOUR_PCI_VF.rawValue),
      number(datagram, payload, DEVLINK_ATTR_PORT_EXTERNAL, as: UInt8.self) ?? 0 == 0,
      let vf = number(datagram, payload, DEVLINK_ATTR_PORT_PCI_VF_NUMBER, as: UInt16.self),
      let ifindex = number(datagram, payload, DEVLINK_ATTR_PORT_NETDEV_IFINDEX, as: Int32.self)
    else { return nil }
    return (device, Int(vf), ifindex)
  }

  private static func attribute(_ datagram: RawSpan, _ payload: Range<Int>, _ type: Int) -> WireAttribute? {
    guard payload.count >= headerLength else { return nil }
    return datagram.attribute(ofType: type, in: payload.dropFirst(headerLength))
  }

  private static func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ datagram: RawSpan, _ payload: Range<Int>, _ type: Int, as: Number.Type
  ) -> Number? {
    guard let attribute = attribute(datagram, payload, type) else { return nil }
    return datagram.number(0, of: attribute)
  }

  private static func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ datagram: RawSpan, _ payload: Range<Int>, _ type: devlink_attr, as: Number.Type
  ) -> Number? { number(datagram, payload, Int(type.rawValue), as: Number.self) }

  private static func text(_ datagram: RawSpan, _ payload: Range<Int>, _ type: devlink_attr) -> String? {
    guard let attribute = attribute(datagram, payload, Int(type.rawValue)) else { return nil }
    return datagram.text(attribute.payload)
  }
}

extension RequestMessage {
  /// `struct genlmsghdr`
  fileprivate func append(genericCommand command: UInt8) { append([command, 1, 0, 0]) }
}
