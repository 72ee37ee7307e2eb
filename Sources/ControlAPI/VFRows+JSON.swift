import PoolModel

extension [VFRow] {
  /// The same text as `JSONText(self).pretty`, written without an encoder: a host has hundreds of VFs, and encoders are
  /// what a listing of them would spend its time on. vfpoold sends it, `vf list --json` prints it as it comes.
  public var json: [UInt8] {
    if isEmpty { return [UInt8]("[]".utf8) }
    var members = Members(capacity: count * 640)
    for (place, row) in enumerated() {
      members.open(place == 0 ? "[\n  {" : ",\n  {")
      members.add("pf", row.pf)
      members.add("index", row.index)
      members.add("pci", row.pci?.description)
      members.add("netdev", row.netdev)
      members.add("driver", row.driver)
      members.add("numaNode", row.numaNode)
      members.add("iommuGroup", row.iommuGroup)
      members.add("mac", row.mac?.description)
      members.add("vlan", row.vlan)
      members.add("qos", row.qos)
      members.add("vlanProto", row.vlanProto?.rawValue)
      members.add("spoofchk", row.spoofchk)
      members.add("trust", row.trust)
      members.add("linkState", row.linkState?.rawValue)
      members.add("minTxRate", row.minTxRate)
      members.add("maxTxRate", row.maxTxRate)
      members.add("mtu", row.mtu)
      members.add("pool", row.pool)
      members.add("state", row.state.rawValue)
      members.add("guest", row.guest)
      members.add("leaseMac", row.leaseMac?.description)
      members.add("why", row.why)
      members.append("\n  }")
    }
    members.append("\n]")
    return members.bytes
  }

  /// One object's members after the other, in the order of the calls.
  private struct Members {
    var bytes: [UInt8] = []
    private var isFirst = true

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func append(_ text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }

    mutating func open(_ text: StaticString) {
      append(text)
      isFirst = true
    }

    private mutating func name(_ name: StaticString) {
      append(isFirst ? "\n    \"" : ",\n    \"")
      isFirst = false
      append(name)
      append("\": ")
    }

    mutating func add(_ name: StaticString, _ value: String?) {
      self.name(name)
      guard var value else { return append("null") }
      let isPlain = value.withUTF8 { text in
        guard text.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c && $0 != 0x7f }) else { return false }
        bytes.append(0x22)
        bytes.append(contentsOf: text)
        bytes.append(0x22)
        return true
      }
      if !isPlain {
        var quoted = ""
        JSONNode.quote(value, to: &quoted)
        bytes.append(contentsOf: quoted.utf8)
      }
    }

    mutating func add(_ name: StaticString, _ value: Bool?) {
      self.name(name)
      append(value.map { $0 ? "true" : "false" } ?? "null")
    }

    mutating func add(_ name: StaticString, _ value: (some BinaryInteger)?) {
      self.name(name)
      if let value { bytes.append(contentsOf: String(value).utf8) } else { append("null") }
    }
  }
}
