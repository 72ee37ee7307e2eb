import LibvirtXML
import Logging
import PoolModel

/// What one run of a guest has: the ids of its open leases, and its turns.
public struct GuestRun: Sendable {
  public let leases: [Int64]
  let turns: [Turn]
}

/// From the guest's end to the VF's being free again: freed, released.
extension PoolManager {
  /// `network port-deleted`: libvirt has restored its three fields and rebound the driver; the network is locked, so
  /// nobody can have the VF yet. Restores the whole baseline and reads it back.
  public func freed(_ port: NetworkPort, network: String, deadline: HookDeadline) async {
    // Its guest runs, and gets the port back at once.
    if remadePorts.contains(port.uuid) { return }
    let known = ports[port.uuid]
    forgetPort(port.uuid)
    guard let pool = contents.pools[network], let vf = port.vf ?? known?.vf, !port.isHold
    else { return }
    let lease = contents.leases.values.first { $0.port == port.uuid }
    guard !deadline.isOver else {
      log.warning("\(vf): port's end told too late; it is looked at again")
      return reconcileSoon()
    }
    if pool.mode == .enforce { await restore(vf, of: lease, deadline: deadline) }
    markFreed(lease)
    // No release will look at what became of the VF.
    if lease == nil { reconcileSoon() }
  }

  func markFreed(_ lease: Lease?) {
    guard let lease, let freed = try? contents.leases[lease.id]?.freed() else { return }
    commitLater([.updateLease(freed)])
  }

  /// Takes a VF back whose port is gone without our having been told.
  func takeBack(_ lease: Lease) async {
    await restoreUnlessClaimed(lease)
    markFreed(lease)
  }

  func restoreUnlessClaimed(_ lease: Lease) async {
    guard let vf = lease.vf, contents.pools[lease.pool]?.mode == .enforce, !ports.isClaimed(vf) else { return }
    await restore(vf, of: lease)
  }

  /// Whether nobody but `lease`, which is ending, has the VF. Asked again right before each write: libvirt may have
  /// given the VF away while the kernel was read.
  private func isStillFree(_ vf: PCIAddress, _ lease: Lease?, _ deadline: HookDeadline?) -> Bool {
    deadline?.isOver != true && !ports.hasGuestPort(on: vf)
      && !contents.leases.values.contains {
        $0.vf == vf && $0.id != lease?.id && $0.state.hasPort
      }
  }

  /// Writes the baseline to a VF that nobody has any more; what doesn't take it is quarantined.
  func restore(_ vf: PCIAddress, of lease: Lease? = nil, deadline: HookDeadline? = nil) async {
    guard let baseline = contents.baselines[vf]?.state, let id = inventory.vf(at: vf)?.id else { return }
    do {
      let current = try await links.read(id)
      let missing = VFSettings(baseline).missing(from: current)
      var failure: (any Error)?
      guard isStillFree(vf, lease, deadline) else { return reconcileSoon() }
      if !missing.isEmpty {
        do { try await links.write(missing, to: id) } catch { failure = error }
      }
      var after = missing.isEmpty ? current : try await links.read(id)
      var dirt = dirt(on: after, baseline)
      if !dirt.isEmpty, missing.mac?.isZero == true, isStillFree(vf, lease, deadline) {
        // Not every driver takes a zero MAC back (bnx2x, i40e): any that is no guest's will do. What came with it wasn't
        // written: the kernel begins with the MAC.
        if dirt.mac != nil { dirt.mac = MACAddress(unusedOf: vf) }
        do { try await links.write(dirt, to: id) } catch { failure = error }
        after = try await links.read(id)
        dirt = self.dirt(on: after, baseline)
      }
      if dirt.isEmpty {
        problems["vf \(vf)"] = nil
      } else {
        await quarantine(vf, "did not go back to its baseline: \(dirt.summary)\(failure.map { " (\($0))" } ?? "")")
      }
    } catch {
      await quarantine(vf, "can't be read after its return: \(error)")
    }
  }

  /// What on a VF that nobody has differs from its baseline. The MAC counts only when it is a guest's: some drivers show
  /// what the VF's driver chose, and some don't take a zero MAC back; or when a self-test has left it. `guestMACs` saves
  /// those who look at many VFs the search for each.
  func dirt(on state: VFState, _ baseline: VFState, guestMACs: Set<MACAddress>? = nil) -> VFSettings {
    var dirt = VFSettings(baseline).missing(from: state)
    if dirt.mac != nil, !state.mac.isOfTrial, !(guestMACs?.contains(state.mac) ?? isGuestMAC(state.mac)) {
      dirt.mac = nil
    }
    return dirt
  }

  func quarantine(_ vf: PCIAddress, _ why: String) async {
    if isBeyondQuarantineLimit(vf) {
      problems["vf \(vf)"] = "\(vf) \(why)"
      return log.error("no quarantine of \(vf), whose PF has \(quarantineLimit) VFs in it already: \(why)")
    }
    log.error("quarantine of \(vf): \(why)")
    do {
      try await commit([.quarantine(Quarantine(vf: vf, why: why, since: now(), port: contents.quarantines[vf]?.port))])
    } catch {
      return log.error("quarantine of \(vf) is not recorded: \(error)")
    }
    reconcileSoon()
  }

  /// What a guest's run has that is about to be released, for `released(_:)`. Taken before libvirt is answered.
  public func endOfRun(of guest: GuestID) -> GuestRun {
    fixedNICs.forget(guest: guest.uuid)
    incomingGuests[guest.uuid] = nil
    return run(of: guest)
  }

  /// What a guest has by now.
  public func run(of guest: GuestID) -> GuestRun {
    GuestRun(leases: leases(of: guest.uuid).map(\.id), turns: turns.turns(of: guest.uuid))
  }

  /// `qemu release end`: all is done in libvirt. Closes the guest's leases into the history.
  ///
  /// Called after the hook has been answered: nothing here may hold libvirt up, and the guest's next start may be under
  /// way, which is none of `run`.
  public func released(_ run: GuestRun) async {
    await endTurns(run.turns)
    for id in run.leases {
      guard let current = contents.leases[id] else { continue }
      if current.state.hasPort {
        // Its port-deleted never reached us, or it has a port that vfpool made.
        guard await portIsGone(current) else {
          reconcileSoon()
          continue
        }
        // The port's end may have been told meanwhile.
        if let now = contents.leases[id], now.state.hasPort { await takeBack(now) }
      }
      await checkDriver(current)
      commitLater(ending(id, by: .released))
    }
  }

  /// libvirt has deleted the ports that it made for the guest. One that is still there was claimed for a VF that the guest
  /// has by address, and is deleted.
  private func portIsGone(_ lease: Lease) async -> Bool {
    guard let port = lease.port else { return true }
    guard isConnected, let live = try? await networks.ports(of: lease.pool) else { return ports[port] == nil }
    if live.contains(where: { $0.uuid == port }) {
      guard lease.isClaim,
        (try? await networks.drop(port: port, in: lease.pool)) != nil
      else { return false }
    }
    forgetPort(port)
    return true
  }

  /// A managed VF goes back to its own driver; one that stays on vfio-pci can't serve the host and hints at a fault.
  private func checkDriver(_ lease: Lease) async {
    guard let vf = lease.vf, contents.pools[lease.pool]?.mode == .enforce, self.lease(holding: vf) == nil,
      contents.quarantines[vf] == nil, !ports.isClaimed(vf),
      (try? await links.driver(of: vf)) == "vfio-pci", self.lease(holding: vf) == nil
    else { return }
    log.warning("\(vf) is still on vfio-pci after guest \(lease.guest.name) was released")
    reconcileSoon()
  }

  /// Reads from libvirt which ports some pools still have, before a start is refused: one whose end was missed may be in
  /// the way. Waits for `patience` at most, then memory must do: while many guests start at once, libvirt may have no
  /// thread left that could answer.
  func lookBeforeRefusal(_ pools: [String], within patience: Duration) async {
    let looks = pools.map { pool in
      if let running = portLooks[pool] { return running }
      let look = Task {
        await self.returnLostPorts(of: pool)
        self.portLooks[pool] = nil
      }
      portLooks[pool] = look
      return look
    }
    let (ends, end) = AsyncStream<Void>.makeStream()
    Task {
      for look in looks { await look.value }
      end.finish()
    }
    let alarm = Task {
      try? await Task.sleep(for: patience)
      end.finish()
    }
    for await _ in ends {}
    alarm.cancel()
  }

  /// Leases whose port libvirt doesn't have any more are taken back. Not before reconciling has read which guests run: a
  /// running guest keeps its VF when its network was restarted, and is claimed again.
  private func returnLostPorts(of pool: String) async {
    let suspects = contents.leases.values.filter {
      $0.pool == pool && $0.state.hasPort && $0.port != nil
    }
    let known = ports.values.filter { !$0.isHold }.map(\.uuid)
    guard isConnected, guestsAreKnown, let live = try? await networks.ports(of: pool) else { return }
    let uuids = Set(live.map(\.uuid))
    for lease in suspects.sorted(by: { $0.id < $1.id }) {
      guard let port = lease.port, !uuids.contains(port), contents.leases[lease.id] == lease,
        !runningGuests.contains(lease.guest.uuid)
      else { continue }
      forgetPort(port)
      await takeBack(lease)
      commitLater(ending(lease.id, by: .guestGone))
    }
    let vfs = Set(contents.pools[pool]?.addresses ?? [])
    for uuid in known where !uuids.contains(uuid) {
      guard let vf = ports[uuid]?.vf, vfs.contains(vf), !contents.leases.values.contains(where: { $0.port == uuid })
      else { continue }
      forgetPort(uuid)
    }
  }
}
