import Libvirt
import LibvirtXML
import PoolFlows

/// libvirt's networks and ports, for the flows.
struct LibvirtNetworks: Networks {
  let link: LibvirtLink

  func hostdevNetworks() async throws -> [NetworkFacts] {
    try await link.networks.call { connection in try connection.networks().compactMap(NetworkFacts.init(hostdev:)) }
  }

  func networkNames() async throws -> [String] {
    try await link.networks.call { connection in try connection.networkNames() }
  }

  func ports(of network: String) async throws -> [NetworkPort] {
    let xmls = try await link.networks.call { connection in try connection.portXMLs(ofNetwork: network) }
    return try xmls.map { xml in
      // A port that were left out would look like a free VF.
      do { return try NetworkPort(xml: xml) } catch {
        throw FlowError(.failed, "cannot read a port of network '\(network)': \(error)")
      }
    }
  }

  func claim(_ port: NetworkPort, in network: String) async throws {
    let xml = port.xml
    try await link.networks.call { connection in
      _ = try connection.createPort(xml: xml, network: network, reclaim: true)
    }
  }

  func drop(port uuid: String, in network: String) async throws {
    do {
      try await link.networks.call { connection in try connection.deletePort(uuid: uuid, network: network) }
    } catch let error as LibvirtError where [.noNetworkPort, .noNetwork, .operationInvalid].contains(error.code) {
      // operationInvalid: the network isn't active, and its ports went when it was stopped.
    }
  }

  func define(xml: String) async throws -> String {
    try await link.networks.call { connection in try connection.defineNetwork(xml: xml) }
  }

  func clearCounts(of network: String) async throws {
    try await link.networks.call { connection in try connection.touchNetwork(network) }
  }

  func setAutostart(_ on: Bool, network: String) async throws {
    try await link.networks.call { connection in try connection.setAutostart(on, network: network) }
  }

  func start(network: String) async throws {
    try await link.networks.call { connection in try connection.startNetwork(network) }
  }

  func stop(network: String) async throws {
    try await link.networks.call { connection in try connection.stopNetwork(network) }
  }

  func undefine(network: String) async throws {
    try await link.networks.call { connection in try connection.undefineNetwork(network) }
  }
}

extension NetworkFacts {
  /// Nil for a network of another mode. One whose XML can't be read is kept: whoever needs it then says why it can't.
  init?(hostdev record: NetworkRecord) {
    guard let xml = record.liveXML ?? record.inactiveXML else { return nil }
    var connections = 0
    do throws(XMLProblem) { connections = try Netdef(libvirtXML: xml).connections } catch  where error.code == .refused
    {
      return nil
    } catch {}
    self.init(
      name: record.name, uuid: record.uuid, active: record.active, autostart: record.autostart,
      persistent: record.persistent, xml: xml, inactiveXML: record.inactiveXML,
      connections: connections)
  }
}
