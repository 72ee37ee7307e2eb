import PoolModel

extension [VFRow] {
  /// The same text as `JSONText(self).pretty`, written without an encoder: a host has hundreds of VFs, and encoders are
  /// what a listing of them would spend its time on. vfpoold sends it, `vf list --json` prints it as it comes.
  public var json: [UInt8] {
    if isEmpty { return [UInt8]("[]".utf8) }
    return withUnsafeBufferPointer { rows in
      // Room for all, so that nothing has to be moved; what isn't used costs no memory.
      let room = rows.indices.reduce(2) { $0 + JSONWriter.room(for: rows, $1) }
      return [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        var writer = JSONWriter(buffer)
        for place in rows.indices { writer.add(rows, place) }
        writer.text("\n]")
        count = writer.count
      }
    }
  }
}

/// Writes rows into memory that has room for them.
private struct JSONWriter {
  private let buffer: UnsafeMutableBufferPointer<UInt8>
  private(set) var count = 0

  /// The longest that a row's names, numbers, addresses and fixed words can be.
  private static let withoutTexts = 2048

  init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { self.buffer = buffer }

  /// The most that row `place` takes: each byte of a text may become six, as `\u001f`.
  static func room(for rows: UnsafeBufferPointer<VFRow>, _ place: Int) -> Int {
    func length(_ text: String?) -> Int { text?.utf8.count ?? 0 }
    let texts =
      length(rows[place].pf) + length(rows[place].netdev) + length(rows[place].driver) + length(rows[place].pool)
      + length(rows[place].guest) + length(rows[place].why) + length(rows[place].representor)
    return withoutTexts + 6 * texts + 32 * rows[place].iommuGroupOthers.count
  }

  // Rows are used where they are: a copy of each would cost as much as writing it.
  mutating func add(_ rows: UnsafeBufferPointer<VFRow>, _ place: Int) {
    precondition(buffer.count - count >= Self.room(for: rows, place))
    // Each text goes as one piece up to the value: pieces are what this costs.
    text(place == 0 ? "[\n  {\n    \"pf\": " : ",\n  {\n    \"pf\": ")
    value(rows[place].pf)
    text(",\n    \"index\": ")
    value(rows[place].index)
    text(",\n    \"pci\": ")
    value(plain: rows[place].pci?.description)
    text(",\n    \"netdev\": ")
    value(rows[place].netdev)
    text(",\n    \"driver\": ")
    value(rows[place].driver)
    text(",\n    \"numaNode\": ")
    value(rows[place].numaNode)
    text(",\n    \"iommuGroup\": ")
    value(rows[place].iommuGroup)
    text(",\n    \"mac\": ")
    value(rows[place].mac)
    text(",\n    \"vlan\": ")
    value(rows[place].vlan)
    text(",\n    \"qos\": ")
    value(rows[place].qos)
    text(",\n    \"vlanProto\": ")
    value(plain: rows[place].vlanProto?.rawValue)
    text(",\n    \"spoofchk\": ")
    value(rows[place].spoofchk)
    text(",\n    \"trust\": ")
    value(rows[place].trust)
    text(",\n    \"linkState\": ")
    value(plain: rows[place].linkState?.rawValue)
    text(",\n    \"minTxRate\": ")
    value(rows[place].minTxRate)
    text(",\n    \"maxTxRate\": ")
    value(rows[place].maxTxRate)
    text(",\n    \"mtu\": ")
    value(rows[place].mtu)
    text(",\n    \"pool\": ")
    value(rows[place].pool)
    text(",\n    \"state\": ")
    value(plain: rows[place].state.rawValue)
    text(",\n    \"guest\": ")
    value(rows[place].guest)
    text(",\n    \"leaseMac\": ")
    value(rows[place].leaseMac)
    text(",\n    \"why\": ")
    value(rows[place].why)
    text(",\n    \"broadcast\": ")
    value(rows[place].broadcast)
    text(",\n    \"rssQuery\": ")
    value(rows[place].rssQuery)
    text(",\n    \"nodeGUID\": ")
    value(plain: rows[place].nodeGUID?.description)
    text(",\n    \"portGUID\": ")
    value(plain: rows[place].portGUID?.description)
    text(",\n    \"counters\": ")
    value(rows[place].counters)
    text(",\n    \"isComplete\": ")
    value(rows[place].isComplete)
    text(",\n    \"iommuGroupOthers\": ")
    value(rows[place].iommuGroupOthers)
    text(",\n    \"representor\": ")
    value(rows[place].representor)
    text("\n  }")
  }

  @inline(__always)
  mutating func text(_ text: StaticString) {
    bytes(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func bytes(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let from = bytes.baseAddress, let to = buffer.baseAddress else { return }
    (to + count).update(from: from, count: bytes.count)
    count += bytes.count
  }

  private mutating func byte(_ byte: UInt8) {
    buffer[count] = byte
    count += 1
  }

  private mutating func value(_ value: String?) {
    guard var value else { return text("null") }
    value.withUTF8 { characters in
      if characters.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c && $0 != 0x7f }) {
        byte(0x22)
        bytes(characters)
        byte(0x22)
      } else {
        var quoted = ""
        JSONNode.quote(String(decoding: characters, as: UTF8.self), to: &quoted)
        quoted.withUTF8 { bytes($0) }
      }
    }
  }

  /// Text that has nothing to be escaped.
  private mutating func value(plain value: String?) {
    guard var value else { return text("null") }
    byte(0x22)
    value.withUTF8 { bytes($0) }
    byte(0x22)
  }

  private mutating func value(_ value: MACAddress?) {
    guard let value else { return text("null") }
    byte(0x22)
    for octet in 0..<6 {
      if octet > 0 { byte(UInt8(ascii: ":")) }
      let shift = UInt64(40 - 8 * octet)
      digit(UInt8(truncatingIfNeeded: value.value >> (shift + 4)) & 0xf)
      digit(UInt8(truncatingIfNeeded: value.value >> shift) & 0xf)
    }
    byte(0x22)
  }

  /// Hexadecimal.
  private mutating func digit(_ digit: UInt8) {
    byte(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
  }

  private mutating func value(_ values: [PCIAddress]) {
    if values.isEmpty { return text("[]") }
    for (place, value) in values.enumerated() {
      text(place == 0 ? "[\n      " : ",\n      ")
      self.value(plain: value.description)
    }
    text("\n    ]")
  }

  private mutating func value(_ value: Bool?) { text(value.map { $0 ? "true" : "false" } ?? "null") }

  private mutating func value(_ counters: VFCounters?) {
    guard let counters else { return text("null") }
    let members: [(StaticString, UInt64)] = [
      ("rxPackets", counters.rxPackets), ("txPackets", counters.txPackets), ("rxBytes", counters.rxBytes),
      ("txBytes", counters.txBytes), ("broadcast", counters.broadcast), ("multicast", counters.multicast),
      ("rxDropped", counters.rxDropped), ("txDropped", counters.txDropped),
    ]
    for (place, (name, value)) in members.enumerated() {
      text(place == 0 ? "{\n      \"" : ",\n      \"")
      text(name)
      text("\": ")
      number(value)
    }
    text("\n    }")
  }

  private mutating func value(_ value: (some FixedWidthInteger)?) {
    guard let value else { return text("null") }
    if value < 0 { byte(UInt8(ascii: "-")) }
    number(UInt64(value.magnitude))
  }

  private mutating func number(_ number: UInt64) {
    var (rest, digits) = (number, 1)
    while rest > 9 { (rest, digits) = (rest / 10, digits + 1) }
    rest = number
    for place in (count..<count + digits).reversed() {
      buffer[place] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    }
    count += digits
  }
}
