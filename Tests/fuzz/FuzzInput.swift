import Clibnl
import PoolModel

/// One input of the fuzzer: its first byte tells what the others are read as.
struct FuzzInput {
  var kind: UInt8
  var bytes: [UInt8]

  /// As a message's header is seldom right by chance, most kinds get one that fits.
  func run() {
    switch kind % 7 {
    case 0: link(bytes)
    case 1: link(headed(bytes, type: RTM_NEWLINK))
    case 2: crowd()
    case 3: datagram()
    case 4: address(headed(bytes, type: RTM_NEWADDR))
    case 5: uevent()
    default: usual()
    }
  }

  static var seeds: [[UInt8]] {
    let links = [Recordings.igb, Recordings.netdevsim, Recordings.vlan, Recordings.bridged]
    let synthetic = [
      SyntheticLink(count: 15), SyntheticLink(count: 3, statistics: true),
      SyntheticLink(count: 9, indexes: [4, 1, 4, 12]),
    ].map { $0.bytes() }
    let ends = [Recordings.refusalInFull, Recordings.refusalCapped, Recordings.acknowledgement]
    let addresses = [
      "02 18 80 00 02 00 00 00 08 00 01 00 0a 00 02 0f 08 00 02 00 0a 00 02 0f",
      "0a 40 00 c8 02 00 00 00 14 00 01 00 fe c0 00*6 50 54 00 ff fe 12 34 56",
    ]
    let uevents = [
      "bind@/devices/pci0000:00/0000:01:10.0\0ACTION=bind\0SUBSYSTEM=pci\0DRIVER=vfio-pci\0", "libudev\0\u{1}",
    ]
    let oneVF = Recordings.netdevsim[SyntheticLink.child..<SyntheticLink.child + SyntheticLink.childLength]
    return (links + synthetic).map { [0] + $0 }
      + (links + synthetic).map { [1] + $0.dropFirst(MessageHeader.length) }
      + [[2, 0x90, 1, 0x90, 1] + oneVF, [6] + oneVF]
      + (links + ends + [Recordings.vlan + Recordings.acknowledgement]).map { [3] + $0 }
      + addresses.map { [4] + Hex.bytes($0) }
      + uevents.map { [5] + Array($0.utf8) }
  }

  private func headed(_ payload: [UInt8], type: Int) -> [UInt8] {
    let length = UInt32(MessageHeader.length + payload.count)
    return wire(length) + wire(UInt32(type)) + wire(1) + wire(0) + payload
  }

  // MARK: - What is read

  /// A link's message reads the same twice, tells no more VFs than it has bytes for, and depends on nothing behind it.
  private func link(_ message: [UInt8]) {
    _ = KernelEvent(linkMessage: message)
    let link = try? LinkMessage.parse(message)
    require(link == (try? LinkMessage.parse(message)), "read twice, read differently")
    let length = message.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    if message.count >= 4, length <= message.count {
      require(link == (try? LinkMessage.parse(Array(message[..<length]))), "what is behind the message counts")
    }
    if let link { check(link, of: message) }
  }

  private func check(_ link: LinkInfo, of message: [UInt8]) {
    require(!link.name.isEmpty, "a link without a name")
    // The shortest IFLA_VF_INFO that names a VF: two headers, its index, six octets.
    require(link.vfs.count * 18 <= message.count, "\(link.vfs.count) VFs of \(message.count) bytes")
    let count = link.numVF ?? Int(UInt32.max)
    require(link.vfs.keys.allSatisfy { (0...count).contains($0) && $0 != link.numVF }, "a VF past the last")
    require(link.counters.keys.allSatisfy { link.vfs[$0] != nil }, "counters of no VF")
    require(link.vfsMissing == max(0, (link.numVF ?? 0) - link.vfs.count), "VFs missing")
  }

  /// One VF as often as the list's length wraps: IFLA_NUM_VF, how often (16 bits each), then the IFLA_VF_INFO. Each gets
  /// its place as the index, if it begins with an IFLA_VF_MAC.
  private func crowd() {
    guard bytes.count > 4 else { return }
    let numbers = bytes.prefix(4).map(Int.init)
    let (count, times) = (numbers[0] | numbers[1] << 8, (numbers[2] | numbers[3] << 8) % 400)
    var child = Array(bytes.dropFirst(4).prefix(256))
    child += [UInt8](repeating: 0, count: WireAttribute.aligned(child.count) - child.count)
    var payload = [UInt8](repeating: 0, count: 16) + attribute(IFLA_IFNAME, [0x61])
    payload += attribute(IFLA_NUM_VF, wire(UInt32(count)))
    let length = (WireAttribute.headerLength + times * child.count) & 0xffff
    payload += [UInt8(length & 0xff), UInt8(length >> 8), UInt8(IFLA_VFINFO_LIST), 0]
    for place in 0..<times {
      if child.count >= 12 { child.replaceSubrange(8..<12, with: wire(UInt32(place))) }
      payload += child
    }
    let message = headed(payload + attribute(IFLA_MTU, wire(1500)), type: RTM_NEWLINK)
    if let link = try? LinkMessage.parse(message) { check(link, of: message) }
  }

  /// A VF laid out as usual, with any values, reads as it does with its attributes in another order.
  private func usual() {
    var message = SyntheticLink(count: 1, statistics: bytes.count % 2 == 0).bytes()
    let child = Int(message[SyntheticLink.child]) | Int(message[SyntheticLink.child + 1]) << 8
    var (attribute, place) = (SyntheticLink.child + WireAttribute.headerLength, 0)
    while attribute < SyntheticLink.child + child {
      let next = attribute + Int(message[attribute])
      // The VLAN list and the statistics hold attributes of their own, whose headers stay.
      for offset in attribute + 4..<next where ![12, 8].contains(message[attribute + 2]) || offset >= attribute + 8 {
        if place < bytes.count { message[offset] = bytes[place] }
        place += 1
      }
      attribute = next
    }
    link(message)
    require((try? LinkMessage.parse(message)) == (try? LinkMessage.parse(ReversedVFs(message).bytes)), "order counts")
  }

  private func attribute(_ type: Int, _ content: [UInt8]) -> [UInt8] {
    let padding = WireAttribute.aligned(content.count) - content.count
    return [UInt8(WireAttribute.headerLength + content.count), 0, UInt8(type), 0] + content
      + [UInt8](repeating: 0, count: padding)
  }

  /// Messages as they come, one behind the other, and as the answers to the request that the first is of.
  private func datagram() {
    let datagram = bytes.span.bytes
    var (offset, count) = (0, 0)
    while let message = MessageHeader(datagram, at: offset) {
      require(message.next >= offset + MessageHeader.length, "a message that doesn't end")
      require(message.payload.upperBound <= bytes.count, "a message past the end")
      offset = message.next
      count += 1
      let end = Acknowledgement(message, in: datagram)
      require(end.map { $0.errno >= 0 } ?? true, "a negative error")
      _ = AddressMessage.parse(message, in: datagram)
      _ = try? LinkMessage.read(message, in: datagram)
      require(RouteMessage.parse(message, in: datagram)?.ifindexes.isEmpty != true, "a route to nowhere")
      _ = (
        DevlinkMessage.family(datagram, message.payload), DevlinkMessage.eswitchMode(datagram, message.payload)
      )
      let device = DevlinkMessage.device(datagram, message.payload)
      let representor = DevlinkMessage.representor(datagram, message.payload)
      require(representor == nil || representor?.device == device, "a representor of no device")
    }
    require(count * MessageHeader.length <= bytes.count, "more messages than bytes")
    var (answers, taken) = (Answers(to: datagram.number(8) ?? 0), 0)
    try? answers.read(datagram) { (_, _) throws(NetlinkError) in taken += 1 }
    require(taken + (answers.end == nil ? 0 : 1) <= count, "more answers than messages")
  }

  private func address(_ message: [UInt8]) {
    guard let header = MessageHeader(message.span.bytes) else { return }
    let address = AddressMessage.parse(header, in: message.span.bytes)
    require(address.map { !$0.address.isEmpty && !$0.address.hasPrefix("fe80:") } ?? true, "an address that is none")
  }

  private func uevent() {
    let event = Uevent(bytes)
    require(event == Uevent(bytes), "read twice, read differently")
    require(event.map { !$0.action.isEmpty && $0.properties["SUBSYSTEM"] == $0.subsystem } ?? true, "half a uevent")
  }

  private func require(_ condition: Bool, _ what: @autoclosure () -> String) {
    if !condition { fatalError(what()) }
  }
}
