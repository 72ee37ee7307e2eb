import LibvirtXML
import PoolFlows
import PoolModel

struct FaultyNetworks: Networks, Faulty {
  let inner: any Networks
  let check: FaultCheck

  func hostdevNetworks() async throws -> [NetworkFacts] {
    try await around(.networksHostdevNetworks) { try await inner.hostdevNetworks() }
  }

  func networkNames() async throws -> [String] { try await around(.networksNames) { try await inner.networkNames() } }

  func ports(of network: String) async throws -> [NetworkPort] {
    try await around(.networksPorts) { try await inner.ports(of: network) }
  }

  func claim(_ port: NetworkPort, in network: String) async throws {
    try await around(.networksClaim) { try await inner.claim(port, in: network) }
  }

  func drop(port uuid: String, in network: String) async throws {
    try await around(.networksDrop) { try await inner.drop(port: uuid, in: network) }
  }

  func define(xml: String) async throws -> String {
    try await around(.networksDefine) { try await inner.define(xml: xml) }
  }

  func clearCounts(of network: String) async throws {
    try await around(.networksClearCounts) { try await inner.clearCounts(of: network) }
  }

  func setAutostart(_ on: Bool, network: String) async throws {
    try await around(.networksSetAutostart) { try await inner.setAutostart(on, network: network) }
  }

  func start(network: String) async throws {
    try await around(.networksStart) { try await inner.start(network: network) }
  }

  func stop(network: String) async throws {
    try await around(.networksStop) { try await inner.stop(network: network) }
  }

  func undefine(network: String) async throws {
    try await around(.networksUndefine) { try await inner.undefine(network: network) }
  }
}

struct FaultyGuests: Guests, Faulty {
  let inner: any Guests
  let check: FaultCheck

  func running() async throws -> [GuestDescription] {
    try await around(.guestsRunning) { try await inner.running() }
  }

  func definition(of guest: String) async throws -> GuestDescription? {
    try await around(.guestsDefinition) { try await inner.definition(of: guest) }
  }

  func defined() async throws -> [GuestID] { try await around(.guestsDefined) { try await inner.defined() } }

  func setMACs(
    ofGuest uuid: String, _ macs: @escaping @Sendable (GuestDescription) -> [Int: MACAddress]
  ) async throws -> Bool {
    try await around(.guestsSetMACs) { try await inner.setMACs(ofGuest: uuid, macs) }
  }

  func addToDefinition(
    ofGuest uuid: String, _ devices: @escaping @Sendable (GuestDocument) throws -> [String]
  ) async throws -> Bool {
    try await around(.guestsAddToDefinition) { try await inner.addToDefinition(ofGuest: uuid, devices) }
  }

  func all() async throws -> [GuestState] { try await around(.guestsAll) { try await inner.all() } }

  func guest(_ name: String) async throws -> GuestState? {
    try await around(.guestsGuest) { try await inner.guest(name) }
  }

  func attach(_ device: String, to guest: String, _ scope: GuestScope) async throws {
    try await around(.guestsAttach) { try await inner.attach(device, to: guest, scope) }
  }

  func detach(_ device: String, from guest: String, _ scope: GuestScope) async throws {
    try await around(.guestsDetach) { try await inner.detach(device, from: guest, scope) }
  }
}
