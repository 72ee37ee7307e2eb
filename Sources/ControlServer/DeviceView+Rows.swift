import ControlAPI
import LibvirtXML
import PoolFlows
import PoolModel

extension DeviceRow {
  init(_ view: DeviceView) {
    self.init(
      view.device, className: view.className, vendorName: view.vendorName, deviceName: view.deviceName, vf: view.vf,
      pool: view.pool, guest: view.guest,
      inUse: view.obstacles.isEmpty ? nil : view.obstacles.map(\.reason).joined(separator: "; "))
  }
}

extension DeviceReport {
  init(_ detail: DeviceDetail) {
    self.init(
      row: DeviceRow(detail.view),
      companions: detail.companions.map { DeviceCompanion(row: DeviceRow($0), blocks: $0.device.blocksItsGroup) },
      libvirt: detail.facts.map(LibvirtDevice.init), notes: detail.notes)
  }
}

extension LibvirtDevice {
  init(_ facts: NodeDevice) {
    self.init(
      name: facts.name, parent: facts.parent, driver: facts.driver, vendor: facts.vendor, product: facts.product,
      link: facts.link?.description, linkLimit: facts.linkLimit?.description)
  }
}

extension DeviceChange {
  init(_ outcome: DeviceOutcome) {
    self.init(row: DeviceRow(outcome.view), done: outcome.done, notes: outcome.notes)
  }
}
