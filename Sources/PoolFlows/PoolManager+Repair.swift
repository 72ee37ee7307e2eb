import LibvirtXML
import Logging
import PoolModel

/// The drifts whose repair is a story of its own.
extension PoolManager {
  // MARK: libvirt's counts

  /// A live change of a network and a reload of libvirtd set what libvirt counts as taken to nothing while the ports
  /// stay. `read`: the ports that were listed after `live` was.
  func countDrifts(_ live: [NetworkFacts], _ read: [(port: NetworkPort, pool: String)]) async throws -> [Drift] {
    let ports = Dictionary(grouping: read, by: \.pool).mapValues { Set($0.map(\.port.uuid)) }
    let suspects = live.filter { network in
      contents.pools[network.name]?.mode == .enforce && network.connections < ports[network.name]?.count ?? 0
    }
    if suspects.isEmpty { return [] }
    // Ports come and go: those count that were there before and after the count was read.
    let counted = try await networks.hostdevNetworks()
    var drifts: [Drift] = []
    for name in suspects.map(\.name).sorted() {
      guard let network = counted.first(where: { $0.name == name }), network.active else { continue }
      let lasting = Set(try await networks.ports(of: name).map(\.uuid)).intersection(ports[name] ?? [])
      if network.connections < lasting.count { drifts.append(.countsLost(pool: name)) }
    }
    return drifts
  }

  // MARK: VFs that nobody has

  /// Whether libvirt binds the VFs of a pool to vfio-pci and back by itself: else an admin does.
  func isManaged(_ pool: String) -> Bool {
    facts[pool].flatMap { try? Netdef(libvirtXML: $0.xml) }?.managed == true
  }

  func giveBack(_ vf: PCIAddress) async throws -> Bool {
    guard lease(holding: vf) == nil, !ports.isClaimed(vf) else { return false }
    do { try await devices.reattach(vf) } catch let error as DeviceInUse {
      guard noteInUse(vf, error) else { throw error }
      return false
    }
    lostToLibvirt[vf] = nil
    guard try await links.driver(of: vf) == "vfio-pci" else { return true }
    await quarantine(vf, "stays bound to vfio-pci")
    return true
  }

  /// libvirt keeps devices of guests that ended until its daemon is restarted: whether it is that. While a guest starts or
  /// stops it may say the same for a moment.
  private func noteInUse(_ vf: PCIAddress, _ error: DeviceInUse) -> Bool {
    var lost = lostToLibvirt[vf] ?? LostVF(words: "\(error)", since: now())
    defer { lostToLibvirt[vf] = lost }
    if lost.isSure || now().milliseconds - lost.since.milliseconds < LostVF.doubt { return lost.isSure }
    lost.isSure = true
    log.error("\(vf) is free, and libvirt doesn't give it back: \(error)")
    return true
  }

  /// Tries once more whether libvirt gives them back.
  func retryLostVFs() async {
    for vf in lostToLibvirt.filter(\.value.isSure).keys.sorted() where lease(holding: vf) == nil {
      if (try? await devices.reattach(vf)) != nil { lostToLibvirt[vf] = nil }
    }
  }

  /// Of the VFs that libvirt has lost, keeps those that still are; each is a problem that mostly only a new daemon ends.
  func noteLostVFs(among free: Set<PCIAddress>) -> [PCIAddress: String] {
    lostToLibvirt = lostToLibvirt.filter { free.contains($0.key) }
    let lost = lostToLibvirt.filter(\.value.isSure)
    if lost.isEmpty {
      problems["lost"] = nil
    } else {
      let words = lost.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value.words))" }.joined(separator: ", ")
      problems["lost"] =
        "libvirt takes free VFs for a guest's: \(words); no guest is given them until its daemon is restarted, under which "
        + "guests go on: `systemctl restart libvirtd` (or virtqemud)"
    }
    return lost.mapValues { "libvirt takes it for a guest's: \($0.words)" }
  }

  /// PFs whose VFs are ours to make and are gone, unless somebody else makes them too.
  func missingVFDrifts() async -> [Drift] {
    var drifts: [Drift] = []
    for own in ownCounts() where own.count > 0 {
      guard let pf = inventory.pfs.first(where: { $0.pci == own.pci }), pf.numVFs == 0, pf.unsupported == nil,
        await countWriters(of: pf).isEmpty
      else { continue }
      drifts.append(.vfsGone(pf: pf.name, count: own.count))
    }
    return drifts
  }
}

/// A free VF that libvirt doesn't give back.
struct LostVF {
  /// Milliseconds for which it may be a guest's that starts or stops.
  static let doubt: Int64 = 2000

  /// libvirt's.
  var words: String
  var since: Timestamp
  var isSure = false
}
