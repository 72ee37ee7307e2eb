import Clibnl
import Testing

@testable import Netlink

/// On messages of Linux 6.12's devlink, recorded from netdevsim5 with two VFs in switchdev mode on a little-endian host.
@Suite struct DevlinkSocketTests {
  /// The family's number is 0x17; its version, header size, operations and groups are left out.
  private static let family = Hex.bytes(
    """
    28 00 00 00 10 00 00 00 07 00 00 00 77 04 00 00  # nlmsghdr: GENL_ID_CTRL
    01 02 00 00  # genlmsghdr: CTRL_CMD_NEWFAMILY
    0c 00 02 00 64 65 76 6c 69 6e 6b 00  # CTRL_ATTR_FAMILY_NAME
    06 00 01 00 17 00 00 00  # CTRL_ATTR_FAMILY_ID
    """)
  /// BUS_NAME `netdevsim`, DEV_NAME `netdevsim5`
  private static let netdevsim5 = """
    0e 00 01 00 6e 65 74 64 65 76 73 69 6d 00 00 00
    0f 00 02 00 6e 65 74 64 65 76 73 69 6d 35 00 00
    """
  private static let device = Hex.bytes(
    """
    3c 00 00 00 17 00 02 00 07 00 00 00 77 04 00 00
    03 01 00 00  # DEVLINK_CMD_NEW
    \(netdevsim5)
    05 00 88 00 00 00 00 00  # RELOAD_FAILED
    """)
  private static func eswitch(mode: UInt8) -> [UInt8] {
    Hex.bytes(
      """
      3c 00 00 00 17 00 00 00 07 00 00 00 77 04 00 00
      1d 01 00 00  # DEVLINK_CMD_ESWITCH_GET
      \(netdevsim5)
      06 00 19 00 0\(mode) 00 00 00  # ESWITCH_MODE
      """)
  }
  private static let physicalPort = Hex.bytes(
    """
    70 00 00 00 17 00 02 00 07 00 00 00 77 04 00 00
    07 01 00 00  # DEVLINK_CMD_PORT_NEW
    \(netdevsim5)
    08 00 03 00 00 00 00 00  # PORT_INDEX
    06 00 04 00 02 00 00 00  # PORT_TYPE
    08 00 06 00 2d 00 00 00  # PORT_NETDEV_IFINDEX
    0c 00 07 00 65 6e 69 35 6e 70 31 00  # PORT_NETDEV_NAME
    05 00 94 00 00 00 00 00  # PORT_SPLITTABLE
    06 00 4d 00 00 00 00 00  # PORT_FLAVOUR: physical
    08 00 4e 00 01 00 00 00  # PORT_NUMBER
    """)
  private static func vfPort(_ vf: UInt8, ifindex: UInt8, external: UInt8 = 0) -> [UInt8] {
    Hex.bytes(
      """
      88 00 00 00 17 00 02 00 07 00 00 00 77 04 00 00
      07 01 00 00
      \(netdevsim5)
      08 00 03 00 8\(vf) 00 00 00  # PORT_INDEX
      06 00 04 00 02 00 00 00  # PORT_TYPE
      08 00 06 00 \(String(ifindex, radix: 16)) 00 00 00  # PORT_NETDEV_IFINDEX
      09 00 07 00 65 74 68 30 00 00 00 00  # PORT_NETDEV_NAME
      05 00 94 00 00 00 00 00  # PORT_SPLITTABLE
      06 00 4d 00 04 00 00 00  # PORT_FLAVOUR: pcivf
      08 00 96 00 00 00 00 00  # PORT_CONTROLLER_NUMBER
      06 00 7f 00 00 00 00 00  # PORT_PCI_PF_NUMBER
      06 00 80 00 0\(vf) 00 00 00  # PORT_PCI_VF_NUMBER
      05 00 95 00 0\(external) 00 00 00  # PORT_EXTERNAL
      """)
  }
  private static let acknowledgement = Hex.bytes("24 00 00 00 02 00 00 01 07 00 00 00 77 04 00 00 00*20")
  private static let done = Hex.bytes("14 00 00 00 03 00 02 00 07 00 00 00 77 04 00 00 00 00 00 00")

  /// Answers that the request failed, with an errno as the kernel sends it: negative.
  private static func failure(_ errno: Int32) -> [UInt8] {
    Hex.bytes("24 00 00 00 02 00 00 01 07 00 00 00 77 04 00 00") + wire(UInt32(bitPattern: -errno))
      + [UInt8](repeating: 0, count: 16)
  }

  private func socket(_ steps: ScriptedKernel.Step...) throws -> DevlinkSocket {
    let kernel = ScriptedKernel([.datagram([Self.family, Self.acknowledgement])] + steps)
    return try DevlinkSocket { () throws(NetlinkError) in kernel }
  }

  private static let netdevsim = DevlinkDevice(bus: "netdevsim", name: "netdevsim5")

  @Test func devices() throws {
    let socket = try socket(.datagram([Self.device]), .datagram([Self.done]))
    #expect(try socket.devices() == [Self.netdevsim])
  }

  @Test(arguments: [(0, "legacy"), (1, "switchdev"), (2, "mode 2")] as [(UInt8, String)])
  func eswitchModes(mode: UInt8, name: String) throws {
    let socket = try socket(.datagram([Self.eswitch(mode: mode)]), .datagram([Self.acknowledgement]))
    #expect(try socket.eswitchMode(of: Self.netdevsim) == name)
  }

  /// EOPNOTSUPP, and ENODEV for a device that has gone.
  @Test(arguments: [95, 19] as [Int32])
  func aDriverWithoutASwitch(errno: Int32) throws {
    #expect(try socket(.datagram([Self.failure(errno)])).eswitchMode(of: Self.netdevsim) == nil)
  }

  @Test func otherFailuresAreErrors() throws {
    let socket = try socket(.datagram([Self.failure(1)]))
    let error = #expect(throws: NetlinkError.self) { try socket.eswitchMode(of: Self.netdevsim) }
    #expect(error?.subject == "netdevsim/netdevsim5")
  }

  @Test func representorsAreTheVFPortsOfThisHost() throws {
    let socket = try socket(
      .datagram([Self.physicalPort, Self.vfPort(0, ifindex: 0x2e)]),
      .datagram([Self.vfPort(1, ifindex: 0x2f), Self.vfPort(2, ifindex: 0x30, external: 1), Self.done]))
    #expect(try socket.representors() == [Self.netdevsim: [0: 0x2e, 1: 0x2f]])
  }

  /// ENOENT: no such family.
  @Test func aKernelWithoutDevlink() {
    let kernel = ScriptedKernel([.datagram([Self.failure(2)])])
    let error = #expect(throws: NetlinkError.self) { try DevlinkSocket { () throws(NetlinkError) in kernel } }
    #expect(error?.code == .notSupported)
  }

  @Test func theRealKernelAnswers() {
    do { _ = try DevlinkSocket().devices() } catch { #expect(error.code == .notSupported) }
  }
}
