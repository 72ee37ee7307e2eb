import PoolModel

extension [VFRow] {
  /// The same text as `JSONText(self).pretty`, written without an encoder: a host has hundreds of VFs, and encoders are
  /// what a listing of them would spend its time on. vfpoold sends it, `vf list --json` prints it as it comes.
  public var json: [UInt8] {
    if isEmpty { return [UInt8]("[]".utf8) }
    var members = Members(capacity: count * 768)
    for (place, row) in enumerated() {
      // Each text goes as one piece up to the value: pieces are what this costs.
      members.add(place == 0 ? "[\n  {\n    \"pf\": " : ",\n  {\n    \"pf\": ", row.pf)
      members.add(",\n    \"index\": ", row.index)
      members.add(",\n    \"pci\": ", row.pci?.description)
      members.add(",\n    \"netdev\": ", row.netdev)
      members.add(",\n    \"driver\": ", row.driver)
      members.add(",\n    \"numaNode\": ", row.numaNode)
      members.add(",\n    \"iommuGroup\": ", row.iommuGroup)
      members.add(",\n    \"mac\": ", row.mac?.description)
      members.add(",\n    \"vlan\": ", row.vlan)
      members.add(",\n    \"qos\": ", row.qos)
      members.add(",\n    \"vlanProto\": ", row.vlanProto?.rawValue)
      members.add(",\n    \"spoofchk\": ", row.spoofchk)
      members.add(",\n    \"trust\": ", row.trust)
      members.add(",\n    \"linkState\": ", row.linkState?.rawValue)
      members.add(",\n    \"minTxRate\": ", row.minTxRate)
      members.add(",\n    \"maxTxRate\": ", row.maxTxRate)
      members.add(",\n    \"mtu\": ", row.mtu)
      members.add(",\n    \"pool\": ", row.pool)
      members.add(",\n    \"state\": ", row.state.rawValue)
      members.add(",\n    \"guest\": ", row.guest)
      members.add(",\n    \"leaseMac\": ", row.leaseMac?.description)
      members.add(",\n    \"why\": ", row.why)
      members.add(",\n    \"broadcast\": ", row.broadcast?.description)
      members.add(",\n    \"rssQuery\": ", row.rssQuery)
      members.add(",\n    \"nodeGUID\": ", row.nodeGUID?.description)
      members.add(",\n    \"portGUID\": ", row.portGUID?.description)
      members.add(",\n    \"counters\": ", row.counters)
      members.add(",\n    \"isComplete\": ", row.isComplete)
      members.append("\n  }")
    }
    members.append("\n]")
    return members.bytes()
  }

  /// Text with values, each behind the text that leads to it.
  private struct Members {
    private var buffer: [UInt8]
    private var count = 0

    init(capacity: Int) { buffer = [UInt8](repeating: 0, count: capacity) }

    consuming func bytes() -> [UInt8] {
      buffer.removeLast(buffer.count - count)
      return buffer
    }

    /// Room for `length` more bytes.
    private mutating func reserve(_ length: Int) {
      guard buffer.count - count < length else { return }
      buffer += [UInt8](repeating: 0, count: Swift.max(buffer.count, length))
    }

    mutating func append(_ text: StaticString) {
      append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func append(_ text: UnsafeRawBufferPointer) {
      reserve(text.count)
      buffer.withUnsafeMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[count...]).copyMemory(from: text) }
      count += text.count
    }

    private mutating func append(_ byte: UInt8) {
      reserve(1)
      buffer[count] = byte
      count += 1
    }

    mutating func add(_ lead: StaticString, _ value: String?) {
      append(lead)
      guard var value else { return append("null") }
      value.withUTF8 { text in
        if text.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c && $0 != 0x7f }) {
          append(0x22)
          append(UnsafeRawBufferPointer(text))
          append(0x22)
        } else {
          var quoted = ""
          JSONNode.quote(String(decoding: text, as: UTF8.self), to: &quoted)
          quoted.withUTF8 { append(UnsafeRawBufferPointer($0)) }
        }
      }
    }

    mutating func add(_ lead: StaticString, _ value: Bool?) {
      append(lead)
      append(value.map { $0 ? "true" : "false" } ?? "null")
    }

    mutating func add(_ lead: StaticString, _ counters: VFCounters?) {
      append(lead)
      guard let counters else { return append("null") }
      let members: [(StaticString, UInt64)] = [
        ("rxPackets", counters.rxPackets), ("txPackets", counters.txPackets), ("rxBytes", counters.rxBytes),
        ("txBytes", counters.txBytes), ("broadcast", counters.broadcast), ("multicast", counters.multicast),
        ("rxDropped", counters.rxDropped), ("txDropped", counters.txDropped),
      ]
      for (place, (name, value)) in members.enumerated() {
        append(place == 0 ? "{\n      \"" : ",\n      \"")
        append(name)
        append("\": ")
        append(number: value)
      }
      append("\n    }")
    }

    mutating func add(_ lead: StaticString, _ value: (some FixedWidthInteger)?) {
      append(lead)
      guard let value else { return append("null") }
      if value < 0 { append(UInt8(ascii: "-")) }
      append(number: UInt64(value.magnitude))
    }

    private mutating func append(number: UInt64) {
      var (rest, digits) = (number, 1)
      while rest > 9 { (rest, digits) = (rest / 10, digits + 1) }
      reserve(digits)
      rest = number
      for place in (count..<count + digits).reversed() {
        buffer[place] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      }
      count += digits
    }
  }
}
