import ControlAPI
import PoolFlows
import PoolModel

extension GuestRow {
  init(_ view: GuestView) {
    self.init(
      view.guest, running: view.isRunning, freePlaces: view.freePlaces,
      devices: view.devices.map { GuestDeviceRow($0) })
  }
}

extension GuestDeviceRow {
  init(_ device: GuestView.Device) {
    self.init(
      kind: device.kind, mac: device.mac, pool: device.pool, portgroup: device.portgroup, pci: device.pci,
      vf: device.vf, scope: device.scope, lease: device.lease, leaving: device.isLeaving)
  }
}

extension GuestChange {
  init(_ outcome: GuestOutcome) {
    self.init(outcome.guest, device: GuestDeviceRow(outcome.device), done: outcome.done, notes: outcome.notes)
  }
}

extension GuestAttachment {
  func request() throws(FlowError) -> AttachRequest {
    let source: AttachRequest.Source
    switch (pool, device) {
    case (let pool?, nil): source = .pool(pool, portgroup: portgroup)
    case (nil, let device?) where portgroup == nil: source = .device(device)
    case (nil, _?): throw FlowError(.invalid, "a portgroup belongs to a pool: name that instead of a device")
    default: throw FlowError(.invalid, "name a pool or a device, one of both")
    }
    if multifunction == true, device == nil {
      throw FlowError(.invalid, "several functions are of a device: name that instead of a pool")
    }
    return AttachRequest(
      source, mac: mac, vlan: vlan, profile: profile, teaming: teaming, isMultifunction: multifunction ?? false)
  }

  var scope: GuestScope { GuestScope(live: live, config: config) }
}

extension GuestDetachment {
  func target() throws(FlowError) -> DetachTarget {
    switch (mac, device) {
    case (let mac?, nil): .mac(mac)
    case (nil, let device?): .device(device)
    default: throw FlowError(.invalid, "name a MAC or a device, one of both")
    }
  }

  var scope: GuestScope { GuestScope(live: live, config: config) }
}

extension GuestScope {
  fileprivate init(live: Bool, config: Bool) {
    self = live ? .live : []
    if config { insert(.config) }
  }
}
