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
    guard lease(holding: vf) == nil, !claimedVFs().contains(vf) else { return false }
    do {
      try await devices.reattach(vf)
    } catch let error as DeviceInUse {
      // libvirt loses devices of guests that ended, until libvirtd is restarted: nobody may be given this one.
      lostToLibvirt[vf] = "\(error)"
      log.error("\(vf) is free, and libvirt doesn't give it back: \(error)")
      return false
    }
    guard try await links.driver(of: vf) == "vfio-pci" else { return true }
    await quarantine(vf, "stays bound to vfio-pci")
    return true
  }

  /// Of the VFs that libvirt has lost, keeps those that still are; each is a problem that only a new libvirtd ends.
  func noteLostVFs(among free: Set<PCIAddress>) -> [PCIAddress: String] {
    lostToLibvirt = lostToLibvirt.filter { free.contains($0.key) }
    if lostToLibvirt.isEmpty {
      problems["lost"] = nil
    } else {
      let words = lostToLibvirt.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
      problems["lost"] =
        "libvirt takes free VFs for a guest's: \(words); no guest is given them until libvirtd is "
        + "restarted: `systemctl restart libvirtd`, under which guests go on"
    }
    return lostToLibvirt.mapValues { "libvirt takes it for a guest's: \($0)" }
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
