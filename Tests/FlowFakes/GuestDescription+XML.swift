import LibvirtXML
import PoolModel

extension GuestDescription {
  /// The guest's XML, of a machine whose devices each have a port of their own.
  public func xml(isLive: Bool, rootPorts: Int, others: String = "") -> String {
    let all = nics.map { $0.xml(isLive: isLive) } + hostdevs.map { $0.xml(isLive: isLive) }
    let placed = all.enumerated().map { place, xml in
      let address = "<address type='pci' domain='0' bus='\(place + 1)' slot='0' function='0'/>"
      return ["</interface>", "</hostdev>"].reduce(xml) { $0.replacing($1, with: address + $1) }
    }
    let ports = (1...max(1, rootPorts)).map { "<controller type='pci' index='\($0)' model='pcie-root-port'/>" }
    return """
      <domain type='qemu'><name>\(guest.name)</name><uuid>\(guest.uuid)</uuid><devices>
        <controller type='pci' index='0' model='pcie-root'/>
        \(ports.joined())
        \(others)\(placed.joined())
      </devices></domain>
      """
  }

  static func alias(_ vf: PCIAddress) -> String { "hostdev-\(vf)" }

  /// A guest that has nothing but this element of `<devices>`.
  init(device: String) throws {
    try self.init(xml: "<domain><name>x</name><uuid>\(FakeLibvirt.uuid(0))</uuid><devices>\(device)</devices></domain>")
  }

  mutating func add(_ others: GuestDescription) {
    nics += others.nics
    hostdevs += others.hostdevs
  }

  mutating func remove(_ others: GuestDescription) {
    nics.removeAll { nic in others.nics.contains { $0.mac == nic.mac && $0.source == nic.source } }
    hostdevs.removeAll(where: others.hostdevs.contains)
  }

  /// Every VF that it names, as NIC or as plain device.
  var vfs: Set<PCIAddress> { Set(hostdevs).union(nics.compactMap(\.vf)) }
}

extension PCIAddress {
  fileprivate func xml(isLive: Bool) -> String {
    let alias = isLive ? "<alias name='\(GuestDescription.alias(self))'/>" : ""
    return hostdevXML.replacing("</hostdev>", with: "\(alias)</hostdev>")
  }
}

extension GuestDescription.NIC {
  fileprivate func xml(isLive: Bool) -> String {
    let mac = mac.map { "<mac address='\($0)'/>" } ?? ""
    let tag = vlan.map { "<vlan><tag id='\($0.id)'/></vlan>" } ?? ""
    switch source {
    case .network(let name, let portgroup):
      let group = portgroup.map { " portgroup='\($0)'" } ?? ""
      return "<interface type='network'>\(mac)<source network='\(name)'\(group)/>\(tag)</interface>"
    case .hostdev(let vf?):
      let alias = isLive ? "<alias name='\(GuestDescription.alias(vf))'/>" : ""
      let element = NICRequest(source: .vf(vf, managed: true), mac: self.mac ?? .zero, vlan: vlan?.id).xml
      return element.replacing("</interface>", with: "\(alias)</interface>")
    case .hostdev(nil), .other: return "<interface type='user'>\(mac)<alias name='ua-net'/></interface>"
    }
  }
}
