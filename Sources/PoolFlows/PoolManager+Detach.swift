import LibvirtXML
import Logging
import PoolModel

/// NICs and devices on their way out of guests.
extension PoolManager {
  /// Takes a NIC with a VF, or a device, out of the running guest, its definition or both. No scope: out of the guest as
  /// it runs, or of its definition when it doesn't.
  ///
  /// A running guest lets a device go when it likes: this waits for `timeout` at most. A guest that refuses or ignores it
  /// keeps the device and its lease, and its definition stays as it is; should it let go later, the VF is returned then.
  public func detach(
    _ target: DetachTarget, from name: String, _ scope: GuestScope, timeout: Duration
  ) async throws -> GuestOutcome {
    let state = try await guest(named: name)
    let scope = try resolved(scope, state)
    await refreshInventory()
    let found = try find(target, state)
    let live = scope.contains(.live) ? found.live : nil
    let inactive = scope.contains(.config) ? found.inactive : nil
    guard let shownDevice = live ?? inactive else {
      let (here, there) = scope.contains(.live) ? ("as it runs", "--config") : ("in its definition", "--live")
      throw FlowError(.notFound, "guest \(state.guest.name) doesn't have \(target) \(here); it has with \(there)")
    }
    if let live { try checkIsAlone(live, among: state.live?.devices ?? [], state.guest, isLive: true) }
    if let inactive { try checkIsAlone(inactive, among: state.inactive?.devices ?? [], state.guest, isLive: false) }
    let shown = view(shownDevice, of: state.guest, live == nil ? .config : .live)
    var parts: [String] = []
    var notes: [String] = []
    if let live {
      let lease = live.pci.flatMap(lease(holding:)).flatMap { $0.guest.uuid == state.guest.uuid ? $0 : nil }
      try await unplug(live, state.guest, timeout: timeout)
      parts.append("runs without \(words(shown)) now")
      if let pci = live.pci, !live.isManaged, lease == nil {
        notes.append("it isn't managed, and stays away from its driver on the host: vfpool device reattach \(pci)")
      }
      log.notice("detached", metadata: ["guest": "\(state.guest.name)", "device": "\(words(shown))"])
      do {
        if let lease { try await alone { try await self.returnUnplugged(lease) } }
      } catch {
        notes.append("its lease isn't closed yet: \(error)")
        reconcileSoon()
      }
    }
    if let inactive {
      do { try await guests.detach(inactive.xml, from: state.guest.uuid, .config) } catch {
        let before = parts.isEmpty ? "" : "guest \(state.guest.name) \(parts[0]), but "
        throw FlowError(.failed, "\(before)\(words(shown)) can't be taken out of its definition: \(error)")
      }
      parts.append("is defined without \(words(shown)) now")
    }
    if live != nil, !scope.contains(.config), found.inactive != nil {
      notes.append("its definition still has it: the guest gets one again at its next start (--config)")
    }
    if inactive != nil, !scope.contains(.live), found.live != nil {
      notes.append("the guest has it until it stops (--live)")
    }
    return GuestOutcome(guest: state.guest, device: shown, done: parts.joined(separator: ", and "), notes: notes)
  }

  private struct Found {
    var live: GuestDevice?
    var inactive: GuestDevice?
  }

  private func find(_ target: DetachTarget, _ state: GuestState) throws(FlowError) -> Found {
    let (live, inactive) = (state.live?.devices ?? [], state.inactive?.devices ?? [])
    let isIt: (GuestDevice) -> Bool
    switch target {
    case .mac(let mac): isIt = { $0.mac == mac && self.isOfVF($0) }
    case .device(let name):
      guard let pci = address(named: name) else {
        throw FlowError(.notFound, "no device \(name); name one as 0000:01:10.0, pci_0000_01_10_0 or PF/INDEX")
      }
      isIt = { $0.pci == pci }
    }
    let running = live.first(where: isIt)
    let defined =
      inactive.first(where: isIt) ?? running.flatMap { running in inactive.first { isSame($0, as: running) } }
    if running != nil || defined != nil { return Found(live: running, inactive: defined) }
    let name = state.guest.name
    if case .mac(let mac) = target, (live + inactive).contains(where: { $0.mac == mac }) {
      throw FlowError(.refused, "NIC \(mac) of guest \(name) has no VF; use virsh detach-interface")
    }
    let known = (live + inactive).filter(isOfVF).compactMap { $0.mac.map { "\($0)" } ?? $0.pci.map { "\($0)" } }
    let list = Set(known).sorted().joined(separator: ", ")
    throw FlowError(
      .notFound, "guest \(name) has no VF or device with \(target); it has \(list.isEmpty ? "none at all" : list)")
  }

  private func words(_ device: GuestView.Device) -> String {
    switch (device.vf, device.pci, device.pool) {
    case (let vf?, _, _): "VF \(vf)"
    case (nil, let pci?, _): "\(pci)"
    case (nil, nil, let pool?): "the NIC of pool \(pool)" + (device.mac.map { " with MAC \($0)" } ?? "")
    case (nil, nil, nil): device.mac.map { "NIC \($0)" } ?? "the device"
    }
  }

  /// Asks the guest to let the device go, and waits until it has.
  private func unplug(_ device: GuestDevice, _ guest: GuestID, timeout: Duration) async throws {
    guard let alias = device.alias else {
      throw FlowError(.failed, "libvirt's XML of guest \(guest.name) has no alias for the device")
    }
    let key = Unplugs.Device(guest: guest.uuid, alias: alias)
    guard !unplugs.isUnderWay(key) else {
      throw FlowError(.refused, "\(alias) of guest \(guest.name) is being detached already")
    }
    unplugs.begin(key)
    var answer = Unplugs.Answer.none
    var failure: (any Error)?
    do {
      try await guests.detach(device.xml, from: guest.uuid, .live)
      answer = await self.answer(of: key, within: timeout)
    } catch {
      failure = error
    }
    // Whatever was told or not: what counts is whether it has the device.
    let stillHasIt: Bool
    do {
      let now = try await guests.guest(guest.uuid)?.live
      stillHasIt = now?.devices.contains { $0.alias == alias && $0.pci == device.pci && $0.mac == device.mac } == true
    } catch {
      unplugs.end(key, isIgnored: true)
      throw FlowError(
        .failed,
        "it is not clear whether guest \(guest.name) let \(alias) go: \(failure ?? error); `vfpool guest list` "
          + "tells once libvirt answers again")
    }
    unplugs.end(key, isIgnored: stillHasIt && failure == nil && answer == .none)
    guard stillHasIt else { return }
    let what = words(view(device, of: guest, .live))
    if let failure { throw FlowError(.failed, "guest \(guest.name) keeps \(what): \(failure)") }
    if answer == .refused {
      throw FlowError(.refused, "guest \(guest.name) refused to let \(what) go, and keeps it with its lease")
    }
    throw FlowError(
      .refused,
      "guest \(guest.name) has not let \(what) go within \(timeout.components.seconds) s, and keeps it with its lease: "
        + "does its system run, with hot-plug support? Should it let go later, all is returned then; or stop the guest")
  }

  private func answer(of device: Unplugs.Device, within timeout: Duration) async -> Unplugs.Answer {
    let timer = Task {
      try await Task.sleep(for: timeout)
      self.unplugs.answer(.none, device)
    }
    defer { timer.cancel() }
    return await withCheckedContinuation { unplugs.wait(for: device, $0) }
  }

  /// The guest runs on without the lease's VF: deletes the port, restores the VF, closes the lease.
  func returnUnplugged(_ lease: Lease) async throws {
    if let port = lease.port, contents.leases[lease.id]?.state.hasPort == true {
      // libvirt itself deletes only the ports that it made.
      if contents.pools[lease.pool]?.mode == .enforce { try await networks.drop(port: port, in: lease.pool) }
      forgetPort(port)
      // The port's end may have been told meanwhile.
      if let current = contents.leases[lease.id], current.state.hasPort { await restoreUnlessClaimed(current) }
    }
    try await closeUnplugged(lease.id)
  }

  /// Closes a lease whose guest runs on, in one transaction, whatever was told of its port.
  func closeUnplugged(_ id: Int64) async throws {
    guard let lease = contents.leases[id] else { return }
    guard lease.state.hasPort else { return try await commit(ending(id, by: .detached)) }
    let freed = try lease.freed()
    try await commit([.updateLease(freed), freed.ended(by: .detached, at: now())])
  }
}
