import PoolModel

extension PCIAddress {
  /// Reads `<address domain='0x0000' bus='0x01' slot='0x10' function='0x0'/>`; nil when a part is missing or too large.
  ///
  /// Like libvirt (`virPCIDeviceAddressParseXML`, `strtoul` with base 0) it takes hexadecimal, decimal and octal.
  init?(_ element: XMLTree.Element) {
    guard let bus = element["bus"].flatMap(UInt8.init(cLiteral:)),
      let slot = element["slot"].flatMap(UInt8.init(cLiteral:)), slot < 32,
      let function = UInt8(cLiteral: element["function"] ?? "0"), function < 8,
      let domain = UInt32(cLiteral: element["domain"] ?? "0")
    else { return nil }
    self.init(domain: domain, bus: bus, slot: slot, function: function)
  }

  /// The device that a plain `<hostdev>` gives to its guest; nil for USB devices and the like.
  init?(hostdev: XMLTree.Element) {
    guard hostdev["type"] == "pci", (hostdev["mode"] ?? "subsystem") == "subsystem" else { return nil }
    guard let address = hostdev.child("source")?.child("address") else { return nil }
    self.init(address)
  }

  /// The attributes as libvirt writes them.
  var attributes: [XMLTree.Attribute] {
    let hex = { (number: UInt32, digits: Int) in
      let text = String(number, radix: 16)
      return "0x" + String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
    }
    return [
      .init("domain", hex(domain, 4)), .init("bus", hex(UInt32(bus), 2)), .init("slot", hex(UInt32(slot), 2)),
      .init("function", hex(UInt32(function), 1)),
    ]
  }
}
