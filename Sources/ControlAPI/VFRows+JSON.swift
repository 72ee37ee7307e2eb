import PoolModel

extension [VFRow] {
  /// The same text as `JSONText(self).pretty`, written without an encoder: a host has hundreds of VFs, and encoders are
  /// what a listing of them would spend its time on. vfpoold sends it, `vf list --json` prints it as it comes.
  public var json: String {
    if isEmpty { return "[]" }
    var text = ""
    text.reserveCapacity(count * 640)
    for (place, row) in enumerated() {
      text += place == 0 ? "[\n  {" : ",\n  {"
      var members = Members(text: text)
      text = ""
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
      text = members.text
      text += "\n  }"
    }
    return text + "\n]"
  }

  /// One object's members, in the order of the calls.
  private struct Members {
    var text: String
    private var isFirst = true

    init(text: consuming String) { self.text = text }

    private mutating func name(_ name: StaticString) {
      text += isFirst ? "\n    \"" : ",\n    \""
      isFirst = false
      text += name.description
      text += "\": "
    }

    mutating func add(_ name: StaticString, _ value: String?) {
      self.name(name)
      if let value { JSONNode.quote(value, to: &text) } else { text += "null" }
    }

    mutating func add(_ name: StaticString, _ value: Bool?) {
      self.name(name)
      text += value.map { $0 ? "true" : "false" } ?? "null"
    }

    mutating func add(_ name: StaticString, _ value: (some BinaryInteger)?) {
      self.name(name)
      if let value { text += value.description } else { text += "null" }
    }
  }
}
