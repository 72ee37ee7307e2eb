import Allocator
import LibvirtXML
import Logging
import PoolModel

/// NICs and devices on their way into guests.
extension PoolManager {
  /// Plugs a VF of a pool, or a device that no pool hands out, into the running guest, its definition or both: all of it,
  /// or nothing. No scope: into the guest as it runs, or its definition when it doesn't.
  ///
  /// What libvirt can't do is refused before anything changes. A VF is chosen as at a start, recorded as a lease, claimed
  /// in libvirt and set up, and then attached by its address: no hook and no other start can come in between. A definition
  /// names the pool, and gets a VF when the guest starts.
  public func attach(_ request: AttachRequest, to name: String, _ scope: GuestScope) async throws -> GuestOutcome {
    try await alone { try await self.attachNow(request, name, scope) }
  }

  private func attachNow(_ request: AttachRequest, _ name: String, _ scope: GuestScope) async throws -> GuestOutcome {
    if let vlan = request.vlan, !VLANTag.isUsable(id: Int(vlan)) {
      throw FlowError(.invalid, "VLAN \(vlan) is none of 1...4094")
    }
    let state = try await guest(named: name)
    if case .device(let device) = request.source, request.isMultifunction {
      return try await attachSlot(of: device, request, state, scope)
    }
    let scope = try resolved(scope, state)
    if scope.contains(.live), let shortage = state.live?.pci.shortage(of: 1, guest: state.guest.name) {
      throw FlowError(.refused, shortage)
    }
    let notes = crowdNotes(1, scope.contains(.live) ? state.live : state.inactive, state.guest)
    switch request.source {
    case .pool(let pool, let portgroup):
      return try await attachVF(request, pool: pool, portgroup, state, scope, notes)
    case .device(let device):
      return try await attachDevice(request, device, state, scope, notes)
    }
  }

  /// How many devices passed through libvirt's documentation vouches for.
  private static var mostDevices: Int { 32 }

  /// What is said of a guest that gets so many devices more.
  func crowdNotes(_ more: Int, _ document: GuestDocument?, _ guest: GuestID) -> [String] {
    let count = (document?.devices.count(where: isOfVF) ?? 0) + more
    if count <= Self.mostDevices { return [] }
    return ["guest \(guest.name) has \(count) devices with it; more than \(Self.mostDevices) may fail"]
  }

  func resolved(_ scope: GuestScope, _ state: GuestState) throws(FlowError) -> GuestScope {
    let name = state.guest.name
    if scope.contains(.live), state.live == nil {
      throw FlowError(.refused, "guest \(name) doesn't run; start it, or change its definition (--config)")
    }
    if scope.contains(.config), state.inactive == nil {
      throw FlowError(.refused, "guest \(name) is transient and has no definition; leave out --config")
    }
    return scope.isEmpty ? (state.live == nil ? .config : .live) : scope
  }

  // MARK: A VF of a pool

  private func attachVF(
    _ request: AttachRequest, pool name: String, _ portgroup: String?, _ state: GuestState, _ scope: GuestScope,
    _ notes: [String]
  ) async throws -> GuestOutcome {
    let pool = try pool(named: name)
    let virtualPort = try check(pool, portgroup, request, isLive: scope.contains(.live))
    let partner = try request.teaming.map { (mac) throws(FlowError) in try persistentAlias(mac, state, scope) }
    let position = nextNIC(state.guest, name, on: nil)
    let mac = try await chosenMAC(request, state, pool: name, position: position)
    let vlan = request.vlan.map { VLANTag(id: $0) } ?? pool.vlan(portgroup: portgroup)
    let wanted = WantedNIC(position: position, mac: mac, portgroup: portgroup, vlan: vlan)
    let asking = CardNIC(guest: state.guest, mac: mac, vlan: vlan?.id, vf: nil, pool: name)
    defer { fleet?.settled(state.guest) }
    let notes = notes + (try await clashNotes(of: asking, isLive: scope.contains(.live) && state.live != nil))
    let definition = NICRequest(
      source: .network(name: name, portgroup: portgroup), mac: mac, vlan: request.vlan,
      virtualPort: request.profile.map { VirtualPort(profile: $0) }, persistentAlias: partner)
    guard scope.contains(.live), let live = state.live else {
      try await guests.attach(definition.xml, to: state.guest.uuid, .config)
      let device = GuestView.Device(kind: .nic, mac: mac, pool: name, portgroup: portgroup, scope: .config)
      return await outcome(
        state.guest, device, notes, "will have a VF of pool \(name) from its next start on, with MAC \(mac)")
    }
    let claim = try await claimVF(wanted, for: live.description, pool)
    leaseBeingAttached = claim.lease.id
    defer { leaseBeingAttached = nil }
    let nic = NICRequest(
      source: .vf(claim.vf, managed: isManaged(name)), mac: mac, vlan: vlan?.id, virtualPort: virtualPort,
      persistentAlias: partner)
    var isDefined = false
    do {
      try await prepareVF(claim.vf, claim.lease, pool)
      if scope.contains(.config) {
        try await guests.attach(definition.xml, to: state.guest.uuid, .config)
        isDefined = true
      }
      try await plug(nic.xml, state.guest, claim.vf)
    } catch {
      let what = claim.lease.vfIndex.map { "VF \($0)" } ?? "\(claim.vf)"
      let defined = { (device: GuestDevice) in device.mac == mac && self.isOfVF(device) }
      throw await undo(what, claim.lease, isDefined ? defined : nil, state.guest, after: error)
    }
    await activate(claim.lease, HookDeadline(in: .seconds(60)))
    log.notice("attached", metadata: ["guest": "\(state.guest.name)", "vf": "\(claim.vf)", "pool": "\(name)"])
    let device = GuestView.Device(
      kind: .nic, mac: mac, pool: name, portgroup: portgroup, pci: claim.vf, vf: claim.lease.vfIndex, scope: scope)
    let vf = claim.lease.place
    return await outcome(state.guest, device, notes, "has VF \(vf) of pool \(name) now, with MAC \(mac)")
  }

  /// What libvirt can't do for a NIC of a pool, or the pool can't give; how the NIC is made known to a switch.
  private func check(
    _ pool: Pool, _ portgroup: String?, _ request: AttachRequest, isLive: Bool
  ) throws(FlowError) -> VirtualPort? {
    let name = pool.name
    guard pool.mode == .enforce else {
      throw FlowError(
        .refused,
        "pool \(name) is only observed; take it over (`vfpool pool enforce \(name)`), or use "
          + "`vfpool guest xml --pool \(name)` and virsh attach-device")
    }
    if let portgroup, !pool.portgroups.contains(portgroup) {
      let known = pool.portgroups.isEmpty ? "it has none" : "it has \(pool.portgroups.joined(separator: ", "))"
      throw FlowError(.notFound, "pool \(name) has no portgroup \(portgroup): \(known)")
    }
    if isLive, facts[name]?.active != true {
      throw FlowError(.refused, "pool \(name) isn't active; start it: vfpool pool start \(name)")
    }
    let netdef = facts[name].flatMap { try? Netdef(libvirtXML: $0.xml) }
    if request.vlan == nil, netdef?.isTrunk(portgroup: portgroup) == true {
      throw FlowError(
        .refused,
        "pool \(name) asks for a VLAN trunk, which a VF can't be given: attach with --vlan ID, one NIC for each "
          + "VLAN, or take the <vlan> out of the pool and let the guest tag its frames")
    }
    let virtualPort = request.profile.map { VirtualPort(profile: $0) } ?? netdef?.virtualPort(portgroup: portgroup)
    guard virtualPort == nil || virtualPort?.type == VirtualPort.vnLink else {
      throw FlowError(
        .refused,
        "pool \(name) asks for virtualport \(virtualPort?.type ?? "?"), which libvirt does for macvtap and bridges "
          + "only; for VFs there is 802.1Qbh (--profile ID)")
    }
    if virtualPort != nil, let vlan = request.vlan ?? pool.vlan(portgroup: portgroup)?.id {
      throw FlowError(
        .refused,
        "a NIC with a port profile gets its VLAN from the switch, and libvirt sets none: leave out "
          + (request.vlan == nil ? "the profile, or VLAN \(vlan) of pool \(name)" : "--vlan \(vlan)"))
    }
    return virtualPort
  }

  private func persistentAlias(
    _ mac: MACAddress, _ state: GuestState, _ scope: GuestScope
  ) throws(FlowError) -> String {
    let devices = (scope.contains(.live) ? state.live : state.inactive)?.devices ?? []
    let (name, pair) = (state.guest.name, devices.filter { $0.mac == mac })
    guard let nic = pair.first(where: { !isOfVF($0) }) else {
      throw FlowError(
        .notFound,
        "guest \(name) has no virtio NIC with MAC \(mac) that a VF could stand in for; `vfpool guest list` "
          + "shows its NICs")
    }
    guard nic.teaming == .persistent, let alias = nic.alias else {
      throw FlowError(
        .refused,
        "NIC \(mac) of guest \(name) is not made for fail-over: give it <alias name='ua-\(name)'/> and "
          + "<teaming type='persistent'/> beside model virtio (virsh edit \(name)), and start the guest anew")
    }
    guard pair.count == 1 else {
      throw FlowError(.refused, "NIC \(mac) of guest \(name) has its stand-in already; detach that first")
    }
    return alias
  }

  /// The MAC that was asked for, that the NIC had, or a new one.
  private func chosenMAC(
    _ request: AttachRequest, _ state: GuestState, pool: String?, position: Int
  ) async throws(FlowError) -> MACAddress {
    let own = Set(((state.live?.devices ?? []) + (state.inactive?.devices ?? [])).compactMap(\.mac))
    if let teaming = request.teaming {
      if let mac = request.mac, mac != teaming {
        throw FlowError(.invalid, "both NICs of a fail-over pair have one MAC: leave out --mac \(mac)")
      }
      return teaming
    }
    if let mac = request.mac {
      if mac.isZero || mac.isMulticast { throw FlowError(.invalid, "\(mac) can't be a NIC's MAC") }
      if own.contains(mac) {
        throw FlowError(.refused, "guest \(state.guest.name) has a NIC with MAC \(mac) already; give this one another")
      }
      return mac
    }
    let key = pool.map { LedgerContents.BindingKey(guestUUID: state.guest.uuid, pool: $0, nic: position) }
    if let bound = key.flatMap({ contents.bindings[$0]?.mac }), !own.contains(bound) { return bound }
    return try await freshMAC(besides: own)
  }

  private struct Claim {
    var lease: Lease
    var vf: PCIAddress
  }

  /// Chooses a VF, records the lease and makes libvirt count the VF as taken. The pool's starts wait meanwhile.
  private func claimVF(_ nic: WantedNIC, for guest: GuestDescription, _ pool: Pool) async throws -> Claim {
    guard await takeTurns([pool.name], guest.guest, deadline: HookDeadline(in: turnLimit * 2)) else {
      throw FlowError(.refused, "too many guests are starting with pool \(pool.name); try again")
    }
    let turn = turns.turns(of: guest.guest.uuid).filter { $0.pool == pool.name }
    do {
      let claim = try await claimNow(nic, for: guest, pool)
      await endTurns(turn)
      return claim
    } catch {
      await endTurns(turn)
      throw error
    }
  }

  private func claimNow(_ nic: WantedNIC, for guest: GuestDescription, _ pool: Pool) async throws -> Claim {
    let vf: PCIAddress
    do {
      let choice = try await choose(guest, nics: 1, pool, first: nic.position, within: turnLimit)
      guard let first = choice.picks.first else { throw FlowError(.refused, "pool \(pool.name) has no VF") }
      vf = first
    } catch let refusal as PlacementRefusal {
      note(Refusal(refusal))
      throw FlowError(.refused, "\(refusal)")
    }
    let port = NetworkPort(
      uuid: newClaimUUID(), owner: guest.guest, mac: nic.mac, portgroup: nic.portgroup, vf: vf,
      managed: isManaged(pool.name), vlan: nic.vlan)
    return Claim(lease: try await claim(port, on: vf, in: pool.name), vf: vf)
  }

  func newClaimUUID() -> String { Lease.claimPrefix + newUUID().dropFirst(Lease.claimPrefix.count) }

  /// Records a lease on a VF, and makes the port by which libvirt counts it as taken. `isMet`: the guest runs with it.
  func claim(_ port: NetworkPort, on vf: PCIAddress, in pool: String, isMet: Bool = false) async throws -> Lease {
    let pick = LeasePick(
      port: port.uuid, vf: vf, vfIndex: inventory.vf(at: vf)?.id, mac: port.mac, portgroup: port.portgroup)
    let begun = begin(port, pool, on: vf)
    let lease =
      isMet
      ? try begun.metRunning(pick, settings: settings(of: port, in: pool)) : try begun.picked(pick)
    try await commit([.openLease(lease)] + (lease.ownMAC == nil ? [] : [binding(of: lease)]))
    do {
      try await networks.claim(port, in: pool)
      notePort(port)
    } catch {
      // Its answer may be all that was lost.
      await giveUp(lease, wasClaimed: false)
      throw FlowError(.failed, "libvirt doesn't give VF \(lease.place) away: \(error)")
    }
    return lease
  }

  /// Puts the pool's settings on a VF that was claimed; MAC and VLAN libvirt sets itself.
  func prepareVF(_ vf: PCIAddress, _ lease: Lease, _ pool: Pool) async throws {
    guard let id = lease.vfIndex else { throw FlowError(.failed, "\(vf) is not among the host's VFs any more") }
    _ = try await setUp(id, at: vf, pool.policy(portgroup: lease.portgroup))
  }

  // MARK: Done and undone

  /// Plugs a device into the running guest, which has it afterwards: an error may be no more than a lost answer.
  private func plug(_ xml: String, _ guest: GuestID, _ device: PCIAddress) async throws {
    do { try await guests.attach(xml, to: guest.uuid, .live) } catch {
      guard try await has(device, guest) else { throw error }
    }
    guard try await has(device, guest) else {
      throw FlowError(
        .failed, "libvirt says it attached \(device) to guest \(guest.name), but the guest doesn't have it")
    }
  }

  /// Nobody knows whether the guest has it.
  private struct Unclear: Error {
    var cause: any Error
  }

  private func has(_ device: PCIAddress, _ guest: GuestID) async throws -> Bool {
    do { return try await guests.guest(guest.uuid)?.live?.description.vfs.contains(device) == true } catch {
      throw Unclear(cause: error)
    }
  }

  /// Takes back what an attach has done, in the opposite order; the error to throw. `definition`: finds what the
  /// definition has got already; nil = nothing.
  private func undo(
    _ what: String, _ lease: Lease?, _ definition: ((GuestDevice) -> Bool)?, _ guest: GuestID, after error: any Error
  ) async -> FlowError {
    if let unclear = error as? Unclear {
      // What knows which it is takes it from there.
      reconcileSoon()
      return FlowError(
        .failed,
        "it is not clear whether guest \(guest.name) has \(what): \(unclear.cause); `vfpool guest list` tells "
          + "once libvirt answers again")
    }
    var left = "all is as it was"
    if let definition {
      do {
        let defined = try await guests.guest(guest.uuid)?.inactive?.devices.first(where: definition)
        if let defined { try await guests.detach(defined.xml, from: guest.uuid, .config) }
      } catch {
        left = "its definition still has it (\(error))"
      }
    }
    if let lease { await giveUp(lease, wasClaimed: true) }
    return FlowError(
      (error as? FlowError)?.code ?? .failed, "\(what) was not attached to guest \(guest.name), and \(left): \(error)")
  }

  /// Ends a lease whose VF never got into the guest; what fails of it is left to reconciling. A VF that was never claimed
  /// may be somebody else's, and isn't written to.
  private func giveUp(_ lease: Lease, wasClaimed: Bool) async {
    do {
      if wasClaimed { return try await returnUnplugged(lease) }
      if let port = lease.port { try await networks.drop(port: port, in: lease.pool) }
      try await closeUnplugged(lease.id)
    } catch {
      log.warning("lease \(lease.id) of guest \(lease.guest.name) is not undone yet: \(error)")
    }
    reconcileSoon()
  }

  /// With the device as it is afterwards; `device` where libvirt doesn't tell any more.
  func outcome(
    _ guest: GuestID, _ device: GuestView.Device, _ notes: [String], _ done: String
  ) async -> GuestOutcome {
    await refreshInventory()
    let now = (try? await guests.guest(guest.uuid)).flatMap { $0 }.map(view)
    let found = now?.devices.first {
      device.pci == nil ? $0.mac == device.mac && $0.pool == device.pool : $0.pci == device.pci
    }
    return GuestOutcome(guest: guest, device: found ?? device, done: done, notes: notes)
  }

  // MARK: Any other device

  private func attachDevice(
    _ request: AttachRequest, _ name: String, _ state: GuestState, _ scope: GuestScope, _ notes: [String]
  ) async throws -> GuestOutcome {
    let host = try await lookAtDevices(guestsAreNeeded: true)
    let device = try device(named: name, host.inventory)
    let (pci, guest) = (device.pci, state.guest)
    var notes = notes
    notes += try await whatSpeaksAgainst([device], host, state, scope)
    if request.describesNIC, device.kind != .vf {
      throw FlowError(
        .refused,
        "\(pci) is no VF: libvirt sets MAC, VLAN and port profile on VFs only; attach it without these options, "
          + "and set them inside the guest")
    }
    if request.profile != nil, request.vlan != nil {
      throw FlowError(
        .refused, "a NIC with a port profile gets its VLAN from the switch, and libvirt sets none: leave out --vlan")
    }
    if request.teaming != nil {
      throw FlowError(.refused, "a fail-over pair needs a VF of a pool: use --pool instead of --device")
    }
    var xml = pci.hostdevXML
    defer { fleet?.settled(guest) }
    if request.describesNIC {
      let mac = try await chosenMAC(request, state, pool: nil, position: 0)
      let asking = CardNIC(guest: guest, mac: mac, vlan: request.vlan, vf: pci, pool: nil)
      notes += try await clashNotes(of: asking, isLive: scope.contains(.live))
      xml =
        NICRequest(
          source: .vf(pci, managed: true), mac: mac, vlan: request.vlan,
          virtualPort: request.profile.map { VirtualPort(profile: $0) }
        ).xml
    }
    if scope.contains(.config) { try await guests.attach(xml, to: guest.uuid, .config) }
    if scope.contains(.live) {
      do { try await plug(xml, guest, pci) } catch {
        throw await undo("\(pci)", nil, scope.contains(.config) ? { $0.pci == pci } : nil, guest, after: error)
      }
    }
    log.notice("attached", metadata: ["guest": "\(guest.name)", "device": "\(pci)"])
    let attached = GuestView.Device(kind: request.describesNIC ? .nic : .hostdev, pci: pci, scope: scope)
    let done = scope.contains(.live) ? "has \(pci) now" : "will have \(pci) from its next start on"
    return await outcome(guest, attached, notes, done)
  }

  /// Throws what forbids giving devices to the guest together, for the first that has any all of it and with the way out;
  /// returns what will keep the guest from starting unless it has passed by then.
  ///
  /// libvirt takes a managed device from the host at the guest's start, whatever the host does with it: no definition may
  /// ask for that.
  func whatSpeaksAgainst(
    _ devices: [PCIDevice], _ host: DeviceHost, _ state: GuestState, _ scope: GuestScope
  ) async throws(FlowError) -> [String] {
    let guest = state.guest
    var host = host
    var nodes: Set<String> = []
    for device in devices {
      try checkCanHave(device, state, scope)
      // What the guest has of the group already is open in its own QEMU.
      let isOwnGroup =
        state.live?.description.vfs.contains(device.pci) == true
        || self.group(of: device, host).contains { host.guests[$0.pci] == guest.name }
      nodes.formUnion(Set(device.nodes).subtracting(isOwnGroup ? device.vfioNodes : []))
    }
    for device in devices where host.guests[device.pci] == guest.name { host.guests[device.pci] = nil }
    host.users = await self.devices.users(of: nodes)
    var notes: [String] = []
    for device in devices {
      let rules = rules(device, host)
      let others = self.group(of: device, host).filter { !devices.contains($0) }
      let passing = rules.inGuests.map(\.words) + groupObstacles(device, others, host, state, scope)
      let forbidden = rules.hostUses.map(\.words) + (scope.contains(.live) ? passing : [])
      if !forbidden.isEmpty {
        throw FlowError(
          .refused, "\(device.pci) can't be attached to guest \(guest.name):\n  \(forbidden.joined(separator: "\n  "))")
      }
      notes += passing.map { "as things are, guest \(guest.name) won't start: \(device.pci): \($0)" }
    }
    return notes
  }

  private func checkCanHave(_ device: PCIDevice, _ state: GuestState, _ scope: GuestScope) throws(FlowError) {
    let (pci, guest) = (device.pci, state.guest)
    let has = { (document: GuestDocument?) in document?.description.vfs.contains(pci) == true }
    if scope.contains(.live) && has(state.live) || scope.contains(.config) && has(state.inactive) {
      throw FlowError(.refused, "guest \(guest.name) has \(pci) already")
    }
    if let pool = poolName(of: pci) {
      throw FlowError(
        .refused,
        "\(pci) belongs to pool \(pool), which chooses itself: vfpool guest attach \(guest.name) --pool \(pool)")
    }
    if device.kind == .bridge { throw FlowError(.refused, "\(pci) is a bridge or a port, which no guest can have") }
  }

  /// The others of a device's IOMMU group that can be in guests.
  private func group(of device: PCIDevice, _ host: DeviceHost) -> [PCIDevice] {
    host.inventory.companions(of: device).filter { $0.kind != .bridge }
  }

  /// What keeps the others of a device's IOMMU group from the guest: the group goes to it as a whole.
  private func groupObstacles(
    _ device: PCIDevice, _ others: [PCIDevice], _ host: DeviceHost, _ state: GuestState, _ scope: GuestScope
  ) -> [String] {
    guard let group = device.iommuGroup else {
      return ["it is in no IOMMU group: switch the IOMMU on, in the firmware and with intel_iommu=on iommu=pt"]
    }
    return others.compactMap { other in
      let holder = lease(holding: other.pci)?.guest.name ?? host.guests[other.pci]
      if let holder {
        return holder == state.guest.name
          ? nil : "its IOMMU group \(group) also holds \(other.pci), which guest \(holder) has"
      }
      let comesWithIt = !scope.contains(.live) && state.inactive?.description.vfs.contains(other.pci) == true
      guard other.blocksItsGroup, !comesWithIt else { return nil }
      return
        "its IOMMU group \(group) goes to a guest as a whole, and also holds \(other.pci) on \(other.driver ?? "a driver")"
        + "; attach that, too, or take it from the host first: vfpool device detach \(other.pci)"
    }
  }
}
