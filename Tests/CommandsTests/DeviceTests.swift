import ControlAPI
import PoolModel
import SocketFakes
import Testing

@testable import Commands

/// `vfpool device …`
@Suite struct DeviceTests {
  private func run(_ arguments: [String], _ answer: String) throws -> (said: Recording, lines: [String], code: Int32) {
    let daemon = try FakeDaemon { _ in (200, answer) }
    let recording = Recording()
    let code = recording.run(["device"] + arguments + ["--socket", daemon.path])
    return (recording, daemon.lines, code)
  }

  private static let all = JSONText([Rows.bridge, Rows.memory, Rows.card, Rows.deviceVF]).compact

  @Test func aTable() throws {
    let result = try run(["list"], Self.all)
    #expect(result.code == 0)
    #expect(result.lines == ["GET /v1/devices"])
    #expect(
      result.said.out == """
        DEVICE   LIBVIRT           KIND  DRIVER    GROUP  NETDEV  NAME                                                                              IN USE
        01:00.0  pci_0000_01_00_0  pf    igb          14  enp1s0  Ethernet controller: Intel Corporation 82576 Gigabit Network Connection (rev 01)  has 7 VFs, which would go
        01:10.0  pci_0000_01_10_0  vf    vfio-pci     15  -       0200: 8086:10ca                                                                   is in running guest a1

        """)
  }

  @Test func bridgesAndTheChipsetOnlyWithAll() throws {
    let few = try run(["list", "--names"], Self.all)
    #expect(few.said.out == "pci_0000_01_00_0\npci_0000_01_10_0\n")
    let all = try run(["list", "--all"], Self.all)
    #expect(all.said.out.contains("0604: Red Hat, Inc. Device 000c"))
    #expect(all.said.out.contains("0500: 8086:000d"))
    let json = try run(["list", "--json"], Self.all)
    #expect(json.said.out == JSONText([Rows.card, Rows.deviceVF]).pretty + "\n")
    let none = try run(["list"], "[]")
    #expect(none.said.err == "this host has no PCI devices\n")
  }

  @Test func aDeviceInFull() throws {
    let report = DeviceReport(
      row: Rows.card, companions: [DeviceCompanion(row: Rows.bridge, blocks: false)],
      libvirt: LibvirtDevice(
        name: "pci_0000_01_00_0", parent: "pci_0000_00_03_0", driver: "igb", vendor: nil, product: nil,
        link: "2.5 GT/s x1", linkLimit: "5 GT/s x4"), notes: ["a note"])
    let result = try run(["show", "enp1s0"], JSONText(report).compact)
    #expect(result.lines == ["GET /v1/devices/detail?device=enp1s0"])
    #expect(
      result.said.out == """
        device            0000:01:00.0
        libvirt's name    pci_0000_01_00_0
        name              Ethernet controller: Intel Corporation 82576 Gigabit Network Connection (rev 01)
        ids               0200: 8086:10c9, subsystem 8086:a03c
        kind              pf
        VFs               7 of at most 7
        driver            igb
        netdev            enp1s0
        NUMA node         0
        IOMMU group       14
        reset by          flr, bus
        in use            it has 7 VFs, which would go
        libvirt's parent  pci_0000_00_03_0
        PCIe link         2.5 GT/s x1, could be 5 GT/s x4
        note              a note

        also in IOMMU group 14:
        DEVICE   BLOCKS  DRIVER    NAME
        00:03.0  no      pcieport  0604: Red Hat, Inc. Device 000c

        """)
  }

  @Test func aVFInFull() throws {
    let report = DeviceReport(row: Rows.deviceVF, companions: [], libvirt: nil, notes: [])
    let result = try run(["show", "01:10.0"], JSONText(report).compact)
    for line in [
      "VF              enp1s0/0", "PF              0000:01:00.0", "only driver     vfio-pci", "guest           a1",
      "netdev          -",
    ] { #expect(result.said.out.contains(line + "\n"), "\(line) in \(result.said.out)") }
    let json = try run(["show", "01:10.0", "--json"], JSONText(report).compact)
    #expect(json.said.out == JSONText(report).pretty + "\n")
  }

  @Test(arguments: ["detach", "reattach", "reset"])
  func changes(verb: String) throws {
    let one = DeviceChange(row: Rows.deviceVF, done: "is on vfio-pci now, was on igbvf", notes: ["a", "b"])
    let other = DeviceChange(row: Rows.card, done: "was reset", notes: [])
    let result = try run([verb, "01:10.0", "enp1s0"], JSONText([one, other]).compact)
    #expect(result.code == 0)
    #expect(result.lines == ["POST /v1/devices/\(verb)?device=01%3A10.0&device=enp1s0"])
    #expect(
      result.said.out == """
        0000:01:10.0 (VF enp1s0/0) is on vfio-pci now, was on igbvf
          note: a
          note: b
        0000:01:00.0 was reset

        """)
    let json = try run([verb, "01:10.0", "--json"], JSONText([one]).compact)
    #expect(json.said.out == JSONText(one).pretty + "\n")
    let several = try run([verb, "01:10.0", "enp1s0", "--json"], JSONText([one, other]).compact)
    #expect(several.said.out == JSONText([one, other]).pretty + "\n")
    #expect(Recording().run(["device", verb]) == 2)
  }

  @Test(arguments: ["list", "show", "detach", "reattach", "reset"])
  func helpTeaches(verb: String) {
    let recording = Recording()
    #expect(recording.run(["device", verb, "--help"]) == 0)
    #expect(recording.out.contains("OVERVIEW: "))
    #expect(recording.out.split(separator: "\n").count > 8)
  }
}
