import PoolModel
import SeededRandom
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

  /// No kernel sends it so; the fuzzer did.
  @Test func aListInFrontOfTheNumberOfVFs() throws {
    var message = SyntheticLink(count: 2, indexes: [0, 1, 5], statistics: true).bytes()
    // IFLA_NUM_VF goes behind the list, and an attribute that nobody knows takes its place.
    message[602] = 0x7f
    message += [8, 0, 21, 0, 2, 0, 0, 0]
    message.replaceSubrange(0..<4, with: withUnsafeBytes(of: UInt32(message.count).littleEndian) { Array($0) })
    let link = try LinkMessage.parse(message)
    #expect(link.numVF == 2)
    #expect(Set(link.vfs.keys) == [0, 1])
    #expect(Set(link.counters.keys) == [0, 1])
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

  /// `uplink0` and `wan-provider-a` of `ip link property add`; IFLA_NEW_NETNSID is in the farewell of a link that moves.
  @Test func otherNamesAndWhereALinkWent() throws {
    let plain = SyntheticLink(count: 2).bytes()
    let names = Hex.bytes(
      """
      24 00 34 80  # IFLA_PROP_LIST
      0c 00 35 00 75 70 6c 69 6e 6b 30 00  # IFLA_ALT_IFNAME
      13 00 35 00 77 61 6e 2d 70 72 6f 76 69 64 65 72 2d 61 00 00
      """)
    let moved = Hex.bytes("08 00 2d 00 01 00 00 00")
    var message = plain + names + moved
    message.replaceSubrange(0..<4, with: wire(UInt32(message.count)))
    let link = try LinkMessage.parse(message)
    #expect(link.altNames == ["uplink0", "wan-provider-a"])
    #expect(link.isElsewhere)
    #expect(link.vfs.count == 2)
    let other = try LinkMessage.parse(plain)
    #expect(other.altNames == [])
    #expect(!other.isElsewhere)
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

  /// The second of three VFs is broken; the list's own length is right, so what is behind it is found again.
  @Test(arguments: [
    ("its length is 0", 0, "00 00", [0]), ("1", 0, "01 00", [0]), ("2", 0, "02 00", [0]), ("3", 0, "03 00", [0]),
    ("only a header", 0, "04 00", [0]), ("more than is left", 0, "ff ff", [0]), ("another type", 2, "02 00", [0]),
    ("its MAC's length is 0", 4, "00 00", [0, 2]), ("its MAC's length is 3", 4, "03 00", [0, 2]),
    ("its MAC is too short", 4, "0c 00", [0, 2]), ("its MAC is longer than the VF", 4, "c5 00", [0, 2]),
    ("no MAC", 6, "7f 00", [0, 2]), ("its VLAN list is longer than the VF", 172, "19 00", [0, 1, 2]),
    ("its VLAN is longer than its VLAN list", 176, "15 00", [0, 1, 2]),
    ("its index is the first's", 8, "00 00", [0, 2]),
    ("its index is past the last", 8, "03 00", [0, 2]), ("its index is all ones", 8, "ff ff ff ff", [0, 2]),
  ])
  func brokenVFs(what: String, offset: Int, octets: String, readable: [Int]) throws {
    var message = SyntheticLink(count: 3).bytes()
    let place = SyntheticLink.child + SyntheticLink.childLength + offset
    let octets = Hex.bytes(octets)
    message.replaceSubrange(place..<place + octets.count, with: octets)
    let link = try LinkMessage.parse(message)
    #expect(Set(link.vfs.keys) == Set(readable), "\(what)")
    #expect(link.vfsMissing == 3 - readable.count, "\(what)")
    #expect(link.parentDevName == "netdevsim1", "\(what)")
    if readable.contains(1) { #expect(link.vfs[1]?.vlan == nil, "\(what)") }
  }

  /// The usual order is read in another way than any other.
  @Test(arguments: [false, true]) func theOrderOfAttributesIsFree(statistics: Bool) throws {
    for message in [
      SyntheticLink(count: 3, statistics: statistics).bytes(), statistics ? Recordings.igb : Recordings.netdevsim,
    ] {
      let reversed = ReversedVFs(message)
      #expect(reversed.bytes != message)
      let link = try LinkMessage.parse(message)
      #expect(link.vfs.count == link.numVF)
      #expect(try LinkMessage.parse(reversed.bytes) == link)
    }
  }

  @Test func theOrderOfVFsIsFree() throws {
    let ordered = try LinkMessage.parse(SyntheticLink(count: 300).bytes())
    #expect(try LinkMessage.parse(SyntheticLink(count: 300, indexes: (0..<300).reversed()).bytes()) == ordered)
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
    var random = SplitMix64(seed: 42)
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
}

extension [UInt8] {
  func firstRange(of part: [UInt8]) -> Range<Int>? {
    indices.first { self[$0...].starts(with: part) }.map { $0..<$0 + part.count }
  }

  func lastRange(of part: [UInt8]) -> Range<Int>? {
    indices.last { self[$0...].starts(with: part) }.map { $0..<$0 + part.count }
  }
}
