import LibvirtXML
import PoolModel

/// Guests and what they have.
extension PoolManager {
  /// Every guest, by name.
  public func guestViews() async throws -> [GuestView] {
    try needLibvirt()
    let all = try await guests.all()
    await refreshInventory()
    return all.map(view).sorted { $0.guest.name < $1.guest.name }
  }

  func guest(named name: String) async throws -> GuestState {
    try needLibvirt()
    guard let guest = try await guests.guest(name) else {
      throw FlowError(.notFound, "no guest \(name); name one by its name or UUID (`vfpool guest list`)")
    }
    return guest
  }

  func view(_ state: GuestState) -> GuestView {
    var defined = state.inactive?.devices ?? []
    var devices: [GuestView.Device] = []
    for device in state.live?.devices ?? [] {
      var shown = view(device, of: state.guest, .live)
      if let place = defined.firstIndex(where: { isSame($0, as: device) }) {
        shown.scope.insert(.config)
        defined.remove(at: place)
      }
      devices.append(shown)
    }
    devices += defined.map { view($0, of: state.guest, .config) }
    return GuestView(
      guest: state.guest, isRunning: state.live != nil, devices: devices,
      freePlaces: state.live.flatMap { $0.pci.root == nil ? nil : $0.pci.freePlaces })
  }

  func view(_ device: GuestDevice, of guest: GuestID, _ scope: GuestScope) -> GuestView.Device {
    var view = GuestView.Device(kind: device.kind, mac: device.mac, pci: device.pci, scope: scope)
    view.vf = device.pci.flatMap { inventory.vf(at: $0)?.id }
    if case .network(let name, let portgroup) = device.source {
      (view.pool, view.portgroup) = (contents.pools[name] == nil ? nil : name, portgroup)
    }
    if let pci = device.pci {
      view.pool = poolName(of: pci)
    }
    if scope == .live {
      if let lease = device.pci.flatMap(lease(holding:)), lease.guest.uuid == guest.uuid {
        (view.pool, view.portgroup, view.lease) = (lease.pool, lease.portgroup, lease.state)
      }
      view.isLeaving = device.alias.map { unplugs.isAsked(.init(guest: guest.uuid, alias: $0)) } ?? false
    }
    return view
  }

  /// Whether a definition's device is the one that the running guest has.
  func isSame(_ defined: GuestDevice, as live: GuestDevice) -> Bool {
    guard defined.kind == live.kind else { return false }
    guard live.kind == .nic else { return defined.pci == live.pci }
    return defined.mac != nil && defined.mac == live.mac && isOfVF(defined) == isOfVF(live)
  }

  /// Whether it is, or gets, a device of the host's: a fail-over pair has two NICs of one MAC.
  func isOfVF(_ device: GuestDevice) -> Bool {
    switch device.source {
    case .network(let name, _): contents.pools[name] != nil || facts[name] != nil
    case .hostdev: true
    case .other: false
    }
  }

  // MARK: What is told by events

  /// Of network type, its port has told of it; since then libvirt has set MAC and VLAN. No start hook follows. One of the
  /// host's (`hostdev0`, or a name of an admin's) may be a pool's VF that no port has told of.
  public func deviceAdded(_ alias: String, to uuid: String) async {
    for lease in leases(of: uuid) where lease.state == .allocated && lease.id != leaseBeingAttached {
      await activate(lease, HookDeadline(in: turnLimit))
    }
    if alias.hasPrefix("hostdev") || alias.hasPrefix("ua-") { reconcileSoon() }
  }

  public func deviceRemoved(_ alias: String, from uuid: String) {
    unplugs.answer(.letGo, .init(guest: uuid, alias: alias))
    let left = leases(of: uuid)
    // libvirt has deleted the port itself, which nobody's release will follow.
    commitLater(left.filter { $0.state == .freed }.flatMap { ending($0.id, by: .detached) })
    // Which of its NICs it was only libvirt knows.
    let hadFixed = fixedNICs.forget(guest: uuid)
    if left.contains(where: { $0.state.hasPort }) || hadFixed { reconcileSoon() }
  }

  public func deviceRemovalFailed(_ alias: String, in uuid: String) {
    unplugs.answer(.refused, .init(guest: uuid, alias: alias))
  }
}
