import PoolModel
import Testing

@testable import Netlink

@Suite struct LinkMessageTests {
  @Test func igbAsRecorded() throws {
    let link = try LinkMessage.parse(Recordings.igb)
    #expect(link.ifindex == 4)
    #expect(link.name == "enp2s0")
    #expect(link.mac == MACAddress("52:54:00:aa:00:02"))
    #expect(link.mtu == 1500)
    #expect(link.adminUp)
    #expect(link.carrier == true)
    #expect(link.operstate == "up")
    #expect(link.parentDevName == "0000:02:00.0")
    #expect(link.parentBus == "pci")
    #expect(link.master == nil)
    #expect(link.kind == nil)
    #expect(link.numVF == 2)
    #expect(link.vfsMissing == 0)
    let untouched = VFState(
      mac: try #require(MACAddress("f6:7c:e9:2d:a6:8e")), broadcast: MACAddress(value: .max), spoofchk: true,
      trust: false, linkState: .auto, minTxRate: 0,
      maxTxRate: 0)
    let set = VFState(
      mac: try #require(MACAddress("52:54:00:12:34:56")), broadcast: MACAddress(value: .max),
      vlan: VLANTag(id: 42, qos: 3), spoofchk: false, trust: true,
      linkState: .auto, minTxRate: 0, maxTxRate: 500)
    #expect(link.vfs == [0: untouched, 1: set])
  }

  @Test func netdevsimAsRecorded() throws {
    let link = try LinkMessage.parse(Recordings.netdevsim)
    #expect(link.name == "eni1np1")
    #expect(link.parentDevName == "netdevsim1")
    #expect(link.parentBus == "netdevsim")
    #expect(link.vfs[0]?.mac == .zero)
    #expect(link.vfs[0]?.vlan == nil)
    #expect(link.vfs[1]?.vlan == VLANTag(id: 43, qos: 5, proto: .dot1ad))
    #expect(link.vfs[1]?.linkState == .enable)
    #expect(link.vfs[1]?.minTxRate == 100)
    #expect(link.vfs[1]?.maxTxRate == 900)
  }

  @Test func stackedLinks() throws {
    let vlan = try LinkMessage.parse(Recordings.vlan)
    #expect(vlan.kind == "vlan")
    // IFLA_CARRIER is 0 here, but of a link that is down that says nothing.
    #expect(!vlan.adminUp)
    #expect(vlan.carrier == nil)
    #expect(vlan.operstate == "down")
    #expect(vlan.parentDevName == nil)
    #expect(vlan.lower == 9)
    #expect(vlan.numVF == nil)
    #expect(vlan.vfsMissing == 0)
    let bridged = try LinkMessage.parse(Recordings.bridged)
    #expect(bridged.master == 16)
    // IFLA_INFO_SLAVE_KIND is the master's kind, not this link's.
    #expect(bridged.kind == nil)
  }

  /// What the kernel itself sent for as many netdevsim VFs: the message's and the list's length.
  @Test(arguments: [
    (1, 1392, 200), (2, 1588, 396), (115, 23736, 22544), (256, 51372, 50180), (331, 66072, 64880),
    (1000, 197_196, 64932),
  ])
  func syntheticMessagesAreLikeTheKernels(vfs: Int, length: Int, list: Int) {
    let synthetic = SyntheticLink(count: vfs)
    #expect(synthetic.bytes().count == length)
    #expect(synthetic.wrappedListLength == list)
  }

  /// Up to past the second wrap of the list's 16-bit length; what follows the list is found again behind its real end.
  @Test(arguments: [0, 1, 2, 114, 115, 222, 256, 331, 334, 335, 669, 1000, 2000], [false, true])
  func everyVFIsRead(count: Int, statistics: Bool) throws {
    let link = try LinkMessage.parse(SyntheticLink(count: count, statistics: statistics).bytes())
    #expect(link.numVF == count)
    #expect(link.vfs.count == count)
    #expect(link.vfsMissing == 0)
    for index in 0..<count {
      #expect(link.vfs[index]?.mac == MACAddress(value: 0x0200_0000_0000 | UInt64(index)))
    }
    #expect(link.parentDevName == "netdevsim1")
    #expect(link.mac == MACAddress("8e:f6:c8:71:97:14"))
  }

  @Test func countersWhereTheyWereAskedFor() throws {
    let bare = try LinkMessage.parse(SyntheticLink(count: 3).bytes())
    #expect(bare.counters.isEmpty)
    let counted = try LinkMessage.parse(SyntheticLink(count: 3, statistics: true).bytes())
    #expect(
      counted.counters[1]
        == VFCounters(
          rxPackets: 1, txPackets: 2, rxBytes: 3, txBytes: 4, broadcast: 5, multicast: 6, rxDropped: 8, txDropped: 9))
  }

  @Test func guidsOfInfiniBand() throws {
    // The first VF's broadcast attribute becomes a node GUID: index, padding, GUID.
    var message = Recordings.netdevsim
    let broadcast = try #require(message.firstRange(of: Hex.bytes("24 00 0d 00")))
    message.replaceSubrange(
      broadcast.lowerBound..<broadcast.lowerBound + 20,
      with: Hex.bytes("24 00 0a 00 00 00 00 00 00 00 00 00 08 07 06 05 04 03 02 01"))
    #expect(try LinkMessage.parse(message).vfs[0]?.nodeGUID == GUID("01:02:03:04:05:06:07:08"))
  }

  /// Fewer VFs than IFLA_NUM_VF says are never passed off as all.
  @Test(arguments: [
    (5, [0, 1, 3, 4]), (7, []), (1000, Array(0..<999)), (1000, Array(0..<335)), (3, [0, 0, 1]), (2, [0, 7]),
  ])
  func missingVFsAreCounted(count: Int, indexes: [Int]) throws {
    let link = try LinkMessage.parse(SyntheticLink(count: count, indexes: indexes).bytes())
    let readable = Set(indexes.filter { $0 < count })
    #expect(Set(link.vfs.keys) == readable)
    #expect(link.vfsMissing == count - readable.count)
    #expect(link.parentDevName == "netdevsim1")
  }

  @Test func moreVFsThanAnnouncedAreLeftOut() throws {
    let link = try LinkMessage.parse(SyntheticLink(count: 2, indexes: [0, 1, 2, 3]).bytes())
    #expect(Set(link.vfs.keys) == [0, 1])
    #expect(link.parentDevName == "netdevsim1")
  }

  @Test(
    arguments: [
      ("vlan 0", "00 00", nil), ("mlx4's 4095", "ff 0f", nil), ("4094", "fe 0f", 4094), ("1", "01 00", 1),
    ] as [(String, String, UInt16?)])
  func vlanIDs(name: String, octets: String, id: UInt16?) throws {
    // The last attribute of the recording's second VF is its VLAN list; the id stands twelve bytes into it.
    var message = Recordings.netdevsim
    message.replaceSubrange(992..<994, with: Hex.bytes(octets))
    #expect(try LinkMessage.parse(message).vfs[1]?.vlan?.id == id, "\(name)")
  }

  @Test func withoutAVLANListThePlainVLANCounts() throws {
    // IFLA_VF_VLAN_LIST becomes an attribute that nobody knows, as if the kernel were older than 4.9.
    var message = Recordings.igb
    let list = try #require(message.lastRange(of: [0x18, 0x00, 0x0c, 0x00]))
    message[list.lowerBound + 2] = 0x7f
    #expect(try LinkMessage.parse(message).vfs[1]?.vlan == VLANTag(id: 42, qos: 3))
  }

  @Test func whatTheDriverDoesNotReportIsNil() throws {
    // All ones in spoofchk and trust of the first VF.
    var message = Recordings.igb
    for header: [UInt8] in [[0x0c, 0x00, 0x04, 0x00], [0x0c, 0x00, 0x09, 0x00]] {
      let attribute = try #require(message.firstRange(of: header + [0, 0, 0, 0]))
      message.replaceSubrange(attribute.upperBound..<attribute.upperBound + 4, with: [0xff, 0xff, 0xff, 0xff])
    }
    let state = try #require(try LinkMessage.parse(message).vfs[0])
    #expect(state.spoofchk == nil)
    #expect(state.trust == nil)
  }

  @Test(arguments: [
    [], Hex.bytes("10 00 00 00 10 00"), Hex.bytes("10 00 00 00 10 00*11"), Hex.bytes("20 00 00 00 10 00*27"),
    Hex.bytes("ff ff ff ff 10 00*27"), Recordings.acknowledgement,
  ])
  func whatIsNoLinkIsMalformed(message: [UInt8]) {
    let error = #expect(throws: NetlinkError.self) { try LinkMessage.parse(message) }
    #expect(error?.code == .malformed)
  }

  /// A message cut anywhere is an error, or one that knows what it lacks; with a header that admits the cut, too.
  @Test(arguments: [2, 340])
  func truncatedMessages(count: Int) throws {
    let whole = count == 2 ? Recordings.igb : SyntheticLink(count: count).bytes()
    let expected = try LinkMessage.parse(whole)
    for length in stride(from: 0, to: whole.count, by: whole.count > 10_000 ? 61 : 1) {
      var cut = Array(whole[..<length])
      #expect(throws: NetlinkError.self) { try LinkMessage.parse(cut) }
      guard length >= 4 else { continue }
      cut.replaceSubrange(0..<4, with: withUnsafeBytes(of: UInt32(length).littleEndian) { Array($0) })
      guard let link = try? LinkMessage.parse(cut) else { continue }
      #expect(link.vfs.allSatisfy { expected.vfs[$0.key]?.mac == $0.value.mac })
      if let count = link.numVF { #expect(link.vfs.count + link.vfsMissing == count) }
    }
  }

  /// Bytes changed at random: whatever comes out, nothing traps and no VF is invented.
  @Test func hostileMessages() {
    var random = Sequence(seed: 42)
    for whole in [Recordings.igb, SyntheticLink(count: 3).bytes()] {
      for _ in 0..<20_000 {
        var message = whole
        for _ in 0...Int(random.next() % 6) {
          message[Int(random.next() % UInt64(message.count))] = UInt8(truncatingIfNeeded: random.next())
        }
        guard let link = try? LinkMessage.parse(message) else { continue }
        #expect(link.vfs.count <= 4)
        #expect(link.vfs.keys.allSatisfy { (0..<(link.numVF ?? .max)).contains($0) })
      }
    }
  }

  /// SplitMix64: the same numbers in every run.
  struct Sequence: RandomNumberGenerator {
    var seed: UInt64

    mutating func next() -> UInt64 {
      seed &+= 0x9e37_79b9_7f4a_7c15
      var z = seed
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }
}

extension [UInt8] {
  func firstRange(of part: [UInt8]) -> Range<Int>? {
    indices.first { self[$0...].starts(with: part) }.map { $0..<$0 + part.count }
  }

  func lastRange(of part: [UInt8]) -> Range<Int>? {
    indices.last { self[$0...].starts(with: part) }.map { $0..<$0 + part.count }
  }
}
