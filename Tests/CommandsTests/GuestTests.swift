import ControlAPI
import PoolModel
import SocketFakes
import Testing

@testable import Commands

/// `vfpool guest list`, `attach` and `detach`
@Suite struct GuestTests {
  private static let nic = GuestDeviceRow(
    kind: .nic, mac: Rows.mac, pool: "tenant-a", pci: Rows.pci, vf: VFIndex(pf: "enp1s0", index: 0),
    scope: [.live, .config], lease: .active)
  private static let leaving = GuestDeviceRow(
    kind: .hostdev, pci: PCIAddress(bus: 7, slot: 0, function: 0), scope: .live, leaving: true)
  private static let guests = [
    GuestRow(Rows.guest, running: true, freePlaces: 3, devices: [nic, leaving]),
    GuestRow(GuestID(name: "b", uuid: "u"), running: false, freePlaces: nil, devices: []),
  ]
  private static let change = GuestChange(
    Rows.guest, device: nic, done: "has VF enp1s0/0 of pool tenant-a now", notes: ["a note"])

  private func run(_ arguments: [String], _ answer: String) throws -> (
    said: Recording, requests: [FakeDaemon.Request], code: Int32
  ) {
    let daemon = try FakeDaemon { _ in (200, answer) }
    let recording = Recording()
    let code = recording.run(["guest"] + arguments + ["--socket", daemon.path])
    return (recording, daemon.requests, code)
  }

  @Test func aLineForEachDevice() throws {
    let result = try run(["list"], JSONText(Self.guests).compact)
    #expect(result.code == 0)
    #expect(result.requests.map(\.line) == ["GET /v1/guests"])
    #expect(
      result.said.out == """
        GUEST  STATE     MAC                POOL      VF        DEVICE   IN           LEASE
        a1     running   52:54:00:aa:00:01  tenant-a  enp1s0/0  01:10.0  live,config  active
        a1     running   -                  -         -         07:00.0  live         leaving
        b      shut off  -                  -         -         -        -            -

        """)
    let one = try run(["list", "--guest", "b", "--json"], JSONText(Self.guests).compact)
    #expect(one.said.out == JSONText([Self.guests[1]]).pretty + "\n")
    #expect(one.said.out.contains("\"freePlaces\": null"))
    let none = try run(["list", "--guest", "c"], JSONText(Self.guests).compact)
    #expect(none.said.err == "libvirt has no such guest\n")
  }

  @Test func attachesAVFOfAPool() throws {
    let result = try run(
      [
        "attach", "a1", "--pool", "tenant-a", "--portgroup", "p", "--mac", "52:54:00:aa:00:01", "--vlan", "7", "--live",
      ],
      JSONText(Self.change).compact)
    #expect(result.code == 0)
    #expect(result.said.out == "guest a1 has VF enp1s0/0 of pool tenant-a now\n  note: a note\n")
    #expect(result.requests.map(\.line) == ["POST /v1/guests/attach?guest=a1"])
    let body = GuestAttachment(pool: "tenant-a", portgroup: "p", mac: Rows.mac, vlan: 7, live: true)
    #expect(result.requests.map(\.body) == [JSONText(body).compact])
  }

  @Test func attachesADeviceToTheDefinition() throws {
    let result = try run(["attach", "a1", "--device", "07:00.0", "--config", "--json"], JSONText(Self.change).compact)
    #expect(result.said.out == JSONText(Self.change).pretty + "\n")
    #expect(result.requests.map(\.body) == [JSONText(GuestAttachment(device: "07:00.0", config: true)).compact])
  }

  @Test func attachesASlot() throws {
    let result = try run(["attach", "a1", "--device", "07:00.0", "--multifunction"], JSONText(Self.change).compact)
    #expect(result.requests.map(\.body) == [JSONText(GuestAttachment(device: "07:00.0", multifunction: true)).compact])
  }

  @Test func detachesByMACOrDevice() throws {
    let result = try run(
      ["detach", "a1", "--mac", "52:54:00:AA:00:01", "--timeout", "5"], JSONText(Self.change).compact)
    #expect(result.code == 0)
    #expect(result.requests.map(\.line) == ["POST /v1/guests/detach?guest=a1"])
    #expect(result.requests.map(\.body) == [JSONText(GuestDetachment(mac: Rows.mac, timeout: 5)).compact])
  }

  @Test(arguments: [
    (["attach", "a1"], "give either --pool P or --device DEVICE"),
    (["attach", "a1", "--pool", "p", "--device", "d"], "give either"),
    (["attach", "a1", "--device", "d", "--portgroup", "p"], "--portgroup belongs to --pool"),
    (["attach", "a1", "--device", "d", "--teaming", "52:54:00:aa:00:01"], "--teaming needs a VF of a pool"),
    (["attach", "a1", "--pool", "p", "--multifunction"], "--multifunction belongs to --device"),
    (["attach", "a1", "--device", "d", "--multifunction", "--live"], "changes the definition only"),
    (["attach", "a1", "--device", "d", "--multifunction", "--vlan", "7"], "are of one function"),
    (["attach", "a1", "--pool", "p", "--vlan", "1,2"], "a VF carries one VLAN, not a trunk"),
    (["attach", "a1", "--pool", "p", "--vlan", "4095"], "--vlan is 1...4094, not 4095"),
    (
      ["attach", "a1", "--pool", "p", "--mac", "52:54:00:aa:00:02", "--teaming", "52:54:00:aa:00:01"],
      "both NICs of a fail-over pair have one MAC"
    ),
    (["detach", "a1"], "give either --mac MAC or --device DEVICE"),
    (["detach", "a1", "--device", "d", "--timeout", "0"], "--timeout is 1...3600 seconds"),
  ]) func contradictionsAreUsageErrors(arguments: [String], words: String) throws {
    let result = try run(arguments, "{}")
    #expect(result.code == 2)
    #expect(result.said.err.contains(words))
    #expect(result.requests.isEmpty)
  }
}
