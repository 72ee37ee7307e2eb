import LibvirtXML
import Logging
import PoolModel

/// Networks that lose all their ports at once, under running guests, and get them back in the same breath.
extension PoolManager {
  /// The turn in a pool in which no guest is being started; nil: one is. Ended by `endTurns`.
  private func turnBetweenStarts(in pool: String) -> [Turn]? {
    let me = Hold.ownerUUID
    let isStarting = contents.leases.values.contains { $0.pool == pool && $0.state == .recorded }
    guard !isStarting, turns.tryTake([pool], guest: me) else { return nil }
    return turns.turns(of: me)
  }

  /// libvirt's ports of a pool's network, all of which the ledger durably has: killed in between, they are found missing
  /// and claimed again.
  private func portsToMakeAgain(of pool: String) async throws -> [NetworkPort] {
    let ports = try await networks.ports(of: pool)
    let leased = Set(contents.leases.values.compactMap(\.port))
    if let unknown = ports.first(where: { !leased.contains($0.uuid) && contents.holds[$0.uuid] == nil }) {
      throw FlowError(
        .refused,
        "\(unknown.owner.name), no guest that runs, has a port of network \(pool) that isn't vfpool's to make again; "
          + "delete it (`virsh net-port-delete \(pool) \(unknown.uuid)`), or restart libvirtd")
    }
    try await commit([])
    return ports
  }

  /// All that can be made are made, also when one can't.
  private func makeAgain(_ ports: [NetworkPort], in pool: String) async throws {
    var failure: (any Error)?
    for port in ports {
      do { try await networks.claim(port, in: pool) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  /// Deletes the ports of a pool's network, has libvirt count from nothing, and makes them again as they were. A port
  /// deleted while it isn't counted leaves a count below nothing, so the order matters.
  func remakePorts(of pool: String) async throws -> Bool {
    guard let turn = turnBetweenStarts(in: pool) else {
      reconcileLater()
      return false
    }
    try await remaking(pool, turn) { lost in
      for port in lost { try await self.networks.drop(port: port.uuid, in: pool) }
      try await self.networks.clearCounts(of: pool)
      try await self.makeAgain(lost, in: pool)
    }
    return true
  }

  /// Runs `body`, which makes a network's ports again, with these; guests count as having them meanwhile. Ends the turn.
  private func remaking(_ pool: String, _ turn: [Turn], _ body: ([NetworkPort]) async throws -> Void) async throws {
    var lost: [NetworkPort] = []
    let result: Result<Void, any Error>
    do {
      lost = try await portsToMakeAgain(of: pool)
      remadePorts.formUnion(lost.map(\.uuid))
      result = .success(try await body(lost))
    } catch {
      result = .failure(error)
    }
    remadePorts.subtract(lost.map(\.uuid))
    await endTurns(turn)
    try result.get()
  }

  /// Stops and starts a pool's network, so that libvirt takes what it is defined as, and claims the running guests' VFs
  /// again. False: guests are being started in it, longer than `patience`.
  ///
  /// The ledger has that it was begun, until the pool is saved without that mark.
  func restartNetwork(of name: String, listing addresses: [PCIAddress], patience: Duration) async throws -> Bool {
    let end = ContinuousClock.now + patience
    var turn = turnBetweenStarts(in: name)
    while turn == nil, ContinuousClock.now < end {
      try await Task.sleep(for: .milliseconds(20))
      turn = turnBetweenStarts(in: name)
    }
    guard let turn else { return false }
    try await remaking(name, turn) { lost in
      let listed = Set(addresses)
      let (staying, leaving) = (
        lost.filter { $0.vf.map(listed.contains) == true }, lost.filter { $0.vf.map(listed.contains) != true }
      )
      if let guest = leaving.first(where: { !$0.isHold }) {
        throw FlowError(
          .refused,
          "guest \(guest.owner.name) has just got \(guest.vf.map { "\($0)" } ?? "a VF"), which leaves pool \(name); stop it"
        )
      }
      guard var pool = self.contents.pools[name] else { throw FlowError(.notFound, "pool \(name) is gone") }
      pool.unfinished = .restart
      try await self.commit([.savePool(pool, netdef: self.contents.netdefs[name] ?? "")])
      try await self.networks.stop(network: name)
      try await self.networks.start(network: name)
      try await self.makeAgain(staying, in: name)
      for hold in leaving { self.forgetPort(hold.uuid) }
      self.commitLater(leaving.filter { self.contents.holds[$0.uuid] != nil }.map { .dropHold(port: $0.uuid) })
      self.log.notice("network \(name) is restarted, \(staying.count) ports are made again")
    }
    return true
  }

  /// Brings a network back that was stopped or restarted in vain, to what it is defined as now.
  func bringBack(network name: String, isActive: Bool) async throws {
    if isActive { try await networks.stop(network: name) }
    try await networks.start(network: name)
    let lost = contents.leases.values.filter { $0.pool == name && $0.state.hasPort }.sorted { $0.id < $1.id }
    try await makeAgain(lost.compactMap { NetworkPort($0) }, in: name)
  }

  /// What a vfpoold that died over a restart has left: the ports are found missing afterwards.
  func endUnfinishedRestart(of name: String) async throws -> Bool {
    guard var pool = contents.pools[name], pool.unfinished == .restart else { return false }
    if facts[name]?.active == false { try await networks.start(network: name) }
    pool.unfinished = nil
    try await commit([.savePool(pool, netdef: contents.netdefs[name] ?? "")])
    await rereadNetworks()
    return true
  }
}

extension NetworkPort {
  /// The port that a lease has; nil = it has none.
  init?(_ lease: Lease) {
    guard let vf = lease.vf, let uuid = lease.port else { return nil }
    self.init(
      uuid: uuid, owner: lease.guest, mac: lease.mac, portgroup: lease.portgroup, vf: vf, managed: true,
      vlan: lease.settings?.vlan?.tag)
  }
}
