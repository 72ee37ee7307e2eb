import LibvirtXML
import Logging
import PoolModel

/// Any PCI device of the host: what it is, who has it, and its way to a guest and back by libvirt.
extension PoolManager {
  /// Every device, with names.
  public func deviceViews() async throws -> [DeviceView] {
    let host = try await lookAtDevices()
    return await named(host.inventory.devices.map { view($0, host) })
  }

  /// One device by what `device(named:)` takes, with its IOMMU group and what libvirt says.
  public func deviceDetail(_ name: String) async throws -> DeviceDetail {
    var host = try await lookAtDevices()
    let device = try device(named: name, host.inventory)
    host.users = await devices.users(of: Set(device.nodes))
    let companions = host.inventory.companions(of: device)
    let views = await named(([device] + companions).map { view($0, host) })
    var notes = groupNotes(device, companions)
    var facts: NodeDevice?
    do {
      facts = try await devices.facts(of: device.pci)
      if facts == nil { notes.append("libvirt doesn't know it: libvirtd may have been started before it came") }
    } catch {
      notes.append("libvirt can't be asked about it: \(error)")
    }
    return DeviceDetail(view: views[0], companions: Array(views.dropFirst()), facts: facts, notes: notes)
  }

  /// Does one thing to each of the devices by way of libvirt, and reads back what came of it.
  ///
  /// All are checked before anything is done, and each again right before its turn. The first failure ends it, and the
  /// error says what was done before.
  public func changeDevices(_ names: [String], _ verb: DeviceVerb) async throws -> [DeviceOutcome] {
    try await alone { try await self.changeNow(names, verb) }
  }

  private func changeNow(_ names: [String], _ verb: DeviceVerb) async throws -> [DeviceOutcome] {
    try needLibvirt()
    let host = try await lookAtDevices(guestsAreNeeded: true)
    var wanted: [PCIDevice] = []
    for name in names {
      let device = try device(named: name, host.inventory)
      if !wanted.contains(where: { $0.pci == device.pci }) { wanted.append(device) }
    }
    try await refuse(verb, wanted, host)
    var done: [(device: PCIDevice, text: String)] = []
    for (place, device) in wanted.enumerated() {
      do {
        let now = place == 0 ? device : try await lookAgain(device, verb)
        done.append((now, try await change(now, verb)))
      } catch {
        guard !done.isEmpty else { throw error }
        let others = done.map { "\($0.device.pci)" }.joined(separator: ", ")
        throw FlowError((error as? FlowError)?.code ?? .failed, "\(error)\n\(verb.participle) before that: \(others)")
      }
    }
    let after = try await lookAtDevices()
    let views = await named(done.compactMap { after.inventory.device(at: $0.device.pci) }.map { view($0, after) })
    return try done.map { before in
      guard let view = views.first(where: { $0.device.pci == before.device.pci }) else {
        throw FlowError(.failed, "\(before.device.pci) is gone since it was \(verb.participle)")
      }
      return try outcome(verb, before.device, before.text, view, after.inventory)
    }
  }

  /// The device as it is by now; refused when something has come up since.
  private func lookAgain(_ device: PCIDevice, _ verb: DeviceVerb) async throws -> PCIDevice {
    let host = try await lookAtDevices(guestsAreNeeded: true)
    guard let now = host.inventory.device(at: device.pci) else {
      throw FlowError(.notFound, "\(device.pci) has gone meanwhile")
    }
    try await refuse(verb, [now], host)
    return now
  }

  /// Does it, and returns in words what was done; nothing is done to a device that is so already.
  private func change(_ device: PCIDevice, _ verb: DeviceVerb) async throws -> String {
    let pci = device.pci
    let was = device.driver.map { "was on \($0)" } ?? "had no driver"
    do {
      switch verb {
      case .detach:
        if device.isOnVFIO { return "" }
        try await devices.detach(pci)
      case .reattach:
        if device.driver != nil, !device.isOnVFIO { return "" }
        try await devices.reattach(pci)
      case .reset: try await devices.reset(pci)
      }
    } catch let error as FlowError {
      throw error
    } catch {
      throw FlowError(.failed, "\(pci) was not \(verb.participle): \(error)")
    }
    log.notice("device \(verb.participle)", metadata: ["device": "\(pci)", "driver": "\(device.driver ?? "none")"])
    return was
  }

  /// What came of it, as read back.
  private func outcome(
    _ verb: DeviceVerb, _ before: PCIDevice, _ was: String, _ view: DeviceView, _ inventory: DeviceInventory
  ) throws(FlowError) -> DeviceOutcome {
    let device = view.device
    let driver = device.driver ?? "no driver"
    var result = DeviceOutcome(view: view, done: "is on \(driver)", notes: [])
    result.done += was.isEmpty ? " already" : " now, \(was)"
    switch verb {
    case .detach:
      guard device.isOnVFIO else {
        throw FlowError(.failed, "libvirt says it detached \(device.pci), but it is on \(driver)")
      }
      result.notes = groupNotes(device, inventory.companions(of: device))
    case .reattach:
      if device.isOnVFIO {
        throw FlowError(.failed, "libvirt says it reattached \(device.pci), but it is on \(driver)")
      }
      if device.driver == nil {
        let why = device.driverOverride.map { ": its driver_override allows only \($0)" }
        result.notes.append("no driver took it" + (why ?? "; is the module of its driver there?"))
      }
    case .reset:
      result.done = "was reset"
      if before.isOnVFIO {
        result.done = "was left as it is"
        result.notes.append("libvirt leaves it to \(driver), which resets it whenever a guest gets it")
      } else if before.resetMethods.contains(where: { $0.hasSuffix("flr") }) {
        result.done = "was left as it is"
        result.notes.append("it can reset by itself (FLR): libvirt leaves that to when a guest gets it")
      }
    }
    return result
  }

  // MARK: What is known

  /// The host's devices at one moment.
  struct DeviceHost {
    var inventory: DeviceInventory
    /// Running guests' names by the devices that they have.
    var guests: [PCIAddress: String] = [:]
    /// Processes by the device nodes that they have open, as far as these were asked for.
    var users: [String: [String]] = [:]
  }

  /// Guests are only asked for where a device may be in one: whatever they have is on vfio. Without libvirt the list is
  /// of use, too, unless `guestsAreNeeded`.
  func lookAtDevices(guestsAreNeeded: Bool = false) async throws -> DeviceHost {
    guard await refreshInventory() else {
      throw FlowError(.failed, problems["inventory"] ?? "can't read the host's network cards")
    }
    var host: DeviceHost
    do { host = DeviceHost(inventory: try await devices.inventory()) } catch {
      throw FlowError(.failed, "can't read the host's PCI devices: \(error)")
    }
    guard guestsAreNeeded || host.inventory.devices.contains(where: { $0.isOnVFIO && lease(holding: $0.pci) == nil })
    else { return host }
    do {
      for guest in try await guests.running() {
        for pci in guest.vfs { host.guests[pci] = guest.guest.name }
      }
    } catch  where !guestsAreNeeded {
      log.debug("guests can't be asked for their devices", metadata: ["error": "\(error)"])
    }
    return host
  }

  /// A device by what people type: its address, libvirt's name, PF/INDEX of a VF, or the name of its interface.
  func device(named text: String, _ inventory: DeviceInventory) throws(FlowError) -> PCIDevice {
    if let device = address(named: text).flatMap(inventory.device(at:))
      ?? inventory.devices.first(where: { device in device.netdevs.contains { $0.name == text } })
    {
      return device
    }
    throw FlowError(
      .notFound,
      "no PCI device \(text); name one as 0000:01:10.0, pci_0000_01_10_0, PF/INDEX or by its interface (`vfpool device list`)"
    )
  }

  /// The same for a device that needn't be there, but not by its interface unless that is a PF's.
  func address(named text: String) -> PCIAddress? {
    PCIAddress.named(text) ?? inventory.vf(named: text)?.pci ?? inventory.pf(named: text)?.pci
  }

  func rules(_ device: PCIDevice, _ host: DeviceHost) -> DeviceRules {
    let vf = inventory.vf(at: device.pci)?.id
    var holders = DeviceHolders(
      lease: lease(holding: device.pci), guest: host.guests[device.pci],
      portOwner: ports.guestPort(on: device.pci)?.owner.name,
      pool: poolName(of: device.pci), users: host.users)
    if let pf = inventory.pfs.first(where: { $0.pci == device.pci }) {
      holders.leasedVFs = inventory.vfs.filter { $0.id.pf == pf.name }.compactMap { vf in
        vf.pci.flatMap { lease(holding: $0) }.map { (vf.id, $0.guest.name) }
      }
      holders.poolsOnIt = contents.pools.values.filter { pool in
        inventory.pfs(of: pool).contains { $0.pf.pci == pf.pci }
      }.map(\.name).sorted()
    }
    return DeviceRules(device: device, vf: vf, holders: holders)
  }

  private func view(_ device: PCIDevice, _ host: DeviceHost) -> DeviceView {
    let rules = rules(device, host)
    return DeviceView(
      device: device, vf: rules.vf, pool: rules.holders.pool,
      guest: rules.holders.lease?.guest.name ?? rules.holders.guest, obstacles: rules.obstacles(to: .detach))
  }

  private func named(_ views: [DeviceView]) async -> [DeviceView] {
    let names = await devices.names(of: views.map(\.device.ids))
    return views.map { view in
      var view = view
      view.className = names.className(view.device.ids)
      view.vendorName = names.vendorName(view.device.ids)
      view.deviceName = names.deviceName(view.device.ids)
      return view
    }
  }

  /// Throws all that speaks against it, for all devices.
  private func refuse(_ verb: DeviceVerb, _ wanted: [PCIDevice], _ host: DeviceHost) async throws(FlowError) {
    var host = host
    host.users = await devices.users(of: Set(wanted.flatMap(\.nodes)))
    let refusals = wanted.compactMap { device -> String? in
      let rules = rules(device, host)
      let lines = rules.obstacles(to: verb).map(\.words)
      guard !lines.isEmpty else { return nil }
      return "\(rules.name) can't be \(verb.participle):"
        + (lines.count == 1 ? " " + lines[0] : "\n  " + lines.joined(separator: "\n  "))
    }
    if !refusals.isEmpty { throw FlowError(.refused, refusals.joined(separator: "\n")) }
  }

  /// What keeps a device's IOMMU group from guests.
  private func groupNotes(_ device: PCIDevice, _ companions: [PCIDevice]) -> [String] {
    guard device.kind != .bridge else { return [] }
    guard let group = device.iommuGroup else {
      return [
        "it is in no IOMMU group, so no guest can have it: switch the IOMMU on, in the firmware and with intel_iommu=on"
      ]
    }
    let blocking = companions.filter(\.blocksItsGroup)
    if blocking.isEmpty { return [] }
    let names = blocking.map { "\($0.pci) on \($0.driver ?? "")" }.joined(separator: ", ")
    return [
      "IOMMU group \(group) goes to a guest as a whole, and still with the host \(blocking.count == 1 ? "is" : "are") "
        + "\(names): detach \(blocking.count == 1 ? "it" : "them"), too"
    ]
  }
}
