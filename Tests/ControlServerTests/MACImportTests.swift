import ControlAPI
import PoolFlows
import PoolModel
import Testing

@testable import ControlServer

struct MACImportTests {
  private func entries(_ text: String) throws -> [MACImportEntry] { try MACImport.entries(text.utf8) }

  private static let mac = MACAddress(value: 0x5254_00aa_0001)

  @Test func readsLines() throws {
    let read = try entries(
      "# bound\r\n\r\nweb spread 52:54:00:AA:00:01 # the first\n  my guest\tspread/2  52:54:00:aa:00:01")
    #expect(read.map(\.line) == [3, 4])
    let requests = try read.map { try $0.request.get() }
    #expect(
      requests == [
        MACRequest(guest: "web", nic: NICName(pool: "spread", position: 0), mac: Self.mac),
        MACRequest(guest: "my guest", nic: NICName(pool: "spread", position: 2), mac: Self.mac),
      ])
    #expect(try entries("").isEmpty)
    #expect(try entries("\n# nothing\n").isEmpty)
  }

  @Test func saysWhatIsWrongWithALine() throws {
    let read = try entries("web spread\nweb spread/x 52:54:00:aa:00:01\nweb spread 52:54\nweb spread 52:54:00:aa:00:01")
    let mistakes = read.map { entry in
      if case .failure(let error) = entry.request { error.message } else { "" }
    }
    #expect(
      mistakes == [
        "“web spread” is not GUEST POOL[/POSITION] MAC", "“spread/x” is not \(NICName.shape)",
        "“52:54” is not \(MACAddress.shape)", "",
      ])
  }

  @Test func readsWhatMacListPrints() throws {
    let rows = [
      MACRow(
        MACBinding(
          guest: GuestID(name: "a]", uuid: "u"), pool: "p", nic: 1, mac: Self.mac, lastVF: nil,
          lastSeen: Timestamp(milliseconds: 0))),
      MACRow(MACBinding(guest: BoundGuest(name: "b \"\\", uuid: nil), pool: "p", nic: 0, mac: Self.mac)),
    ]
    let read = try entries(JSONText(rows).pretty)
    #expect(read.map(\.line) == [2, 11])
    let requests = try read.map { try $0.request.get() }
    #expect(
      requests == [
        MACRequest(guest: "a]", guestUUID: "u", nic: NICName(pool: "p", position: 1), mac: Self.mac),
        MACRequest(guest: "b \"\\", nic: NICName(pool: "p", position: 0), mac: Self.mac),
      ])
    #expect(try entries("[]").isEmpty)
  }

  @Test func saysWhatIsWrongWithARow() throws {
    let read = try entries(
      """
      [{"mac": "52:54", "guest": "a", "pool": "p", "nic": 0},
       {"mac": "52:54:00:aa:00:01", "guest": "a", "pool": "p"}, {"mac": "52:54:00:aa:00:01", "guest": 7, "pool": "p",
        "nic": 0},
       [1, 2], 5,
       {"mac": "52:54:00:aa:00:01", "guest": "a", "pool": "p", "nic": 0}]
      """)
    let mistakes = read.map { entry in
      if case .failure(let error) = entry.request { error.message } else { "" }
    }
    #expect(read.map(\.line) == [1, 2, 2, 4, 4, 5])
    #expect(
      mistakes.prefix(3) == [
        "“52:54” is not \(MACAddress.shape)", "“nic” is missing",
        "“guest” isn't what it is in `vfpool mac list --json`",
      ])
    #expect(mistakes[3].contains("mac list --json") && mistakes[4].contains("mac list --json"))
    #expect(mistakes[5].isEmpty)
    #expect(throws: FlowError.self) { try entries("[{") }
    #expect(throws: FlowError.self) { try MACImport.entries([0xff] as [UInt8]) }
  }
}
