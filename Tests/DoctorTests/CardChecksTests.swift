import Doctor
import HostFakes
import Testing

@Suite struct CardChecksTests {
  static let card = "0000:01:00.0"
  static let device = "/sys/bus/pci/devices/\(card)"

  private func host() throws -> FakeHost {
    let host = try FakeHost(.intel)
    try host.pf("enp1s0", at: Self.card)
    return host
  }

  @Test func aGoodCard() throws {
    let host = try host()
    for name in CheckName.allCases where name.group == .cards {
      #expect(host.check(name)?.verdict == .ok, "\(String(describing: host.check(name)))")
    }
    #expect(host.check(.pfs)?.evidence == ["enp1s0 (0000:01:00.0), igb: 0 of 7 VFs"])
  }

  @Test func noCard() throws {
    let host = try FakeHost(.amd)
    #expect(host.check(.pfs)?.verdict == .warning)
    for name in CheckName.allCases where name.group == .cards && name != .pfs {
      #expect(host.check(name)?.verdict == .ok, "\(name)")
    }
  }

  @Test(arguments: [("0x15b3", "mlxconfig -d 0000:01:00.0 set SRIOV_EN=1"), ("0x8086", "0000:01:00.0: turn on SR-IOV")])
  func offInTheCardsFirmware(vendor: String, fix: String) throws {
    let host = try host()
    try host.file("\(Self.device)/sriov_totalvfs", "0\n")
    try host.file("\(Self.device)/vendor", vendor + "\n")
    let check = try #require(host.check(.cardFirmware))
    #expect(check.verdict == .warning)
    #expect(check.fix.count == 1 && check.fix[0].hasPrefix(fix))
  }

  @Test func aPFWithoutADriver() throws {
    let host = try host()
    host.remove("\(Self.device)/driver")
    host.remove("\(Self.device)/net")
    let check = try #require(host.check(.pfDriver))
    #expect(check.verdict == .warning)
    #expect(check.fix[0].hasPrefix("modprobe "))
    try host.link("\(Self.device)/driver", to: "../../../bus/pci/drivers/vfio-pci")
    #expect(host.check(.pfDriver)?.fix[0].hasPrefix("vfpool device reattach 0000:01:00.0") == true)
  }

  @Test func infiniBand() throws {
    let host = try host()
    try host.file("\(Self.device)/net/enp1s0/type", "32\n")
    #expect(host.check(.pfKind)?.evidence == ["enp1s0 can't be in a pool: it is an InfiniBand PF"])
  }

  @Test(arguments: [("0x1002", "1", "ip link set enp1s0 up"), ("0x1003", "0", "enp1s0: look at its cable")])
  func aPFThatCarriesNothing(flags: String, carrier: String, fix: String) throws {
    let host = try FakeHost(.intel)
    try host.pf("enp1s0", at: Self.card, flags: flags, carrier: carrier)
    let check = try #require(host.check(.pfLink))
    #expect(check.verdict == .warning)
    #expect(check.fix.count == 1 && check.fix[0].hasPrefix(fix))
  }

  @Test func aNUMANodeThatNobodyKnows() throws {
    let host = try host()
    for node in 0..<2 { try host.file("/sys/devices/system/node/node\(node)/cpulist", "\(node)\n") }
    #expect(host.check(.pfNUMA)?.verdict == .warning)
    try host.file("\(Self.device)/numa_node", "1\n")
    #expect(host.check(.pfNUMA)?.evidence == ["enp1s0 is on node 1"])
  }

  @Test(
    arguments: [
      ("8.0 GT/s PCIe", "8", .ok), ("8.0 GT/s PCIe", "4", .warning), ("2.5 GT/s PCIe", "8", .warning),
      ("Unknown", "0", .ok),
    ] as [(String, String, Verdict)])
  func pcieLinks(speed: String, width: String, verdict: Verdict) throws {
    let host = try host()
    try host.file("\(Self.device)/max_link_speed", "8.0 GT/s PCIe\n")
    try host.file("\(Self.device)/max_link_width", "8\n")
    try host.file("\(Self.device)/current_link_speed", speed + "\n")
    try host.file("\(Self.device)/current_link_width", width + "\n")
    #expect(host.check(.pcieLink)?.verdict == verdict)
  }

  @Test func noRoomForVFs() throws {
    let host = try host()
    let none = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
    let some = "0x00000000fe000000 0x00000000fe01ffff 0x0000000000140204\n"
    try host.file(
      "\(Self.device)/resource", some + String(repeating: none, count: 6) + some + String(repeating: none, count: 5))
    #expect(host.check(.vfAddressSpace)?.verdict == .ok)
    try host.file("\(Self.device)/resource", some + String(repeating: none, count: 12))
    let check = try #require(host.check(.vfAddressSpace))
    #expect(check.verdict == .warning)
    #expect(check.fix[0].contains("Above 4G Decoding"))
    #expect(check.fix.contains { $0.contains("pci=realloc") })
    // They are there: there was room.
    try host.file("\(Self.device)/sriov_numvfs", "7\n")
    #expect(host.check(.vfAddressSpace)?.verdict == .ok)
  }
}
