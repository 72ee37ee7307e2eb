import PoolModel
import Testing

@testable import Netlink

/// The parser against what Linux 6.12 really sent.
@Suite struct RecordingFileTests {
  static let counts = [1, 114, 115, 256, 330, 331, 1000]
  /// The VFs that were given a MAC before the recording, which ends in their index; all others have none.
  private static let marked = [0, 34, 113, 114, 221, 222, 333, 334, 668, 669]

  private static func file(_ count: Int, _ statistics: Bool) throws -> RecordingFile {
    try RecordingFile("netdevsim-\(count)" + (statistics ? "-statistics" : ""))
  }

  private static func mac(of vf: Int, of count: Int) -> MACAddress {
    marked.contains(vf) || vf == count - 1 ? MACAddress(value: 0x5254_0000_0000 | UInt64(vf)) : .zero
  }

  @Test(arguments: counts, [false, true]) func everyVFOfNetdevsim(count: Int, statistics: Bool) throws {
    let link = try LinkMessage.parse(Self.file(count, statistics).bytes)
    #expect(link.name == "eni90np1")
    #expect(link.parentBus == "netdevsim")
    #expect(link.parentDevName == "netdevsim90")
    #expect(link.mtu == 1500)
    #expect(link.numVF == count)
    #expect(link.vfsMissing == 0)
    #expect(link.vfs.count == count)
    for index in 0..<count {
      let state = VFState(
        mac: Self.mac(of: index, of: count), broadcast: MACAddress(value: .max), spoofchk: false, trust: false,
        linkState: .auto, minTxRate: 0, maxTxRate: 0, rssQuery: false)
      #expect(link.vfs[index] == state, "VF \(index)")
      #expect(link.counters[index] == (statistics ? VFCounters() : nil), "VF \(index)")
    }
  }

  /// 334 VFs fit into the list's 16 bits without statistics, 221 with them; of more, the length that is stated
  /// says less than there is.
  @Test(arguments: counts, [false, true]) func whereTheListsLengthWraps(count: Int, statistics: Bool) throws {
    let file = try Self.file(count, statistics)
    guard let stated = file.statedListLength else { return #expect(count == 1) }
    let real = 4 + count * (statistics ? 296 : 196)
    #expect(stated == real & 0xffff)
    #expect((real > 0xffff) == (count > (statistics ? 221 : 334)))
  }

  /// A message that ends anywhere holds the VFs in front of the cut, and says how many are missing.
  @Test(arguments: counts.dropFirst(), [false, true]) func cutMessages(count: Int, statistics: Bool) throws {
    let file = try Self.file(count, statistics)
    let whole = try LinkMessage.parse(file.bytes)
    let list = try #require(file.list)
    let each = statistics ? 296 : 196
    for place in [
      0, 1, 3, 4, 5, 8, each + 4, each + 40, each * (count / 2) + 7, each * (count - 1) + 4, each * count + 3,
    ] {
      let link = try LinkMessage.parse(file.cut(to: list + place))
      let readable = max(0, place - 4) / each
      #expect(link.numVF == count)
      #expect(link.vfs.count == readable, "cut at \(place)")
      #expect(link.vfsMissing == count - readable, "cut at \(place)")
      #expect((0..<readable).allSatisfy { link.vfs[$0] == whole.vfs[$0] }, "cut at \(place)")
      #expect(link.counters.count == (statistics ? readable : 0))
    }
    // The list is whole, what follows it isn't.
    let link = try LinkMessage.parse(file.cut(to: list + each * count + 4))
    #expect(link.vfs == whole.vfs)
    #expect(link.parentDevName == nil)
  }

  @Test(arguments: [false, true]) func igb(statistics: Bool) throws {
    let link = try LinkMessage.parse(RecordingFile("igb-7" + (statistics ? "-statistics" : "")).bytes)
    #expect(link.name == "enp1s0")
    #expect(link.parentDevName == "0000:01:00.0")
    #expect(Set(link.vfs.keys) == Set(0..<7))
    #expect(link.vfsMissing == 0)
    #expect(Set(link.counters.keys) == (statistics ? Set(0..<7) : []))
    #expect(link.vfs[3]?.mac == MACAddress("52:54:00:00:03:01"))
    #expect(link.vfs[3]?.vlan == VLANTag(id: 42, qos: 3))
    for index in 0..<7 {
      let state = try #require(link.vfs[index])
      #expect(state.trust == (index == 5))
      #expect(state.spoofchk == (index != 5))
      #expect(state.maxTxRate == (index == 5 ? 500 : 0))
      #expect(state.vlan == nil || index == 3)
      // The driver doesn't report it.
      #expect(state.rssQuery == nil)
    }
  }
}
