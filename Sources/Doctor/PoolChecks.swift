import PoolModel
import Sysfs

/// Pools as libvirt's files define them, for when vfpoold doesn't answer.
extension Examination {
  func poolChecks(_ networks: NetworkFiles) -> [Check] {
    [poolPFs(networks), poolTrunks(networks), poolStarted(networks)].map { known(networks, $0) }
  }

  private func none(_ networks: NetworkFiles, or good: String) -> String {
    networks.hostdev.isEmpty ? "libvirt has no network of mode hostdev" : good
  }

  private func poolPFs(_ networks: NetworkFiles) -> Check {
    let vfs = Set(scan.pfs.flatMap(\.vfs).compactMap(\.pci))
    var found: [String] = []
    var fix: [String] = []
    var worst = Verdict.warning
    for network in networks.hostdev {
      for name in network.pfs {
        guard let pf = scan.pfs.first(where: { $0.netdevs.contains(name) }) else {
          worst = .fault
          found.append("pool \(network.name) takes VFs of \(name), and there is no such PF: the network can't start")
          fix.append("virsh net-edit \(network.name)   # name a PF that is there (vfpool pf list)")
          continue
        }
        guard pf.numVFs == 0 else { continue }
        worst = .fault
        found.append("pool \(network.name) takes VFs of \(name), which has none: the network can't start")
        fix.append("vfpool pf set-vfs \(name) \(pf.totalVFs)")
      }
      let gone = network.addresses.filter { !vfs.contains($0) }
      guard !gone.isEmpty else { continue }
      if gone.count == network.addresses.count { worst = .fault }
      found.append(
        "pool \(network.name) lists \(network.addresses.count) VFs, of which \(gone.count) aren't there: "
          + gone.prefix(4).map(\.description).joined(separator: ", ") + (gone.count > 4 ? " …" : ""))
      fix.append("systemctl start vfpoold, then: vfpool reconcile --plan   # or virsh net-edit \(network.name)")
    }
    return verdict(
      .poolPFs, found, or: none(networks, or: "every PF and VF that a pool names is there"), as: worst, fix: fix)
  }

  /// libvirt refuses to start a guest on one: “vlan trunking is not supported by SR-IOV network devices”.
  private func poolTrunks(_ networks: NetworkFiles) -> Check {
    let found = networks.hostdev.flatMap { network in
      network.trunks.map {
        "pool \(network.name): \($0) asks for a VLAN trunk, which no VF can have: guests can't start"
      }
    }
    return verdict(
      .poolTrunks, found, or: none(networks, or: "no pool asks for a VLAN trunk"), as: .fault,
      fix: networks.hostdev.filter { !$0.trunks.isEmpty }.map {
        "virsh net-edit \($0.name)   # one <tag id='…'/>, without trunk='yes'; or none, and the guest tags its frames itself"
      })
  }

  private func poolStarted(_ networks: NetworkFiles) -> Check {
    // libvirt makes the folder when it first starts after a boot, and has a file in it for each network that runs.
    let running = files.names(in: "/run/libvirt/network")
    let states = networks.hostdev.map { network in
      PoolNetworkState(
        pool: network.name, isActive: running.map { $0.contains("\(network.name).xml") } ?? true,
        startsAtBoot: files.exists("\(NetworkFiles.folder)/autostart/\(network.name).xml"))
    }
    return Check(startOf: states)
  }
}

/// Whether a pool's network runs, and will after a boot.
public struct PoolNetworkState: Hashable, Sendable {
  public var pool: String
  public var isActive: Bool
  public var startsAtBoot: Bool

  public init(pool: String, isActive: Bool, startsAtBoot: Bool) {
    self.pool = pool
    self.isActive = isActive
    self.startsAtBoot = startsAtBoot
  }
}

extension Check {
  /// `pool-started`: whether guests can have VFs of the pools, now and after a boot; `command` starts one.
  public init(startOf pools: [PoolNetworkState], with command: String = "virsh net-start") {
    var evidence: [String] = []
    var fix: [String] = []
    for pool in pools {
      if !pool.isActive {
        evidence.append("pool \(pool.pool) isn't started: guests that name it can't start")
        fix.append("\(command) \(pool.pool)")
      }
      if !pool.startsAtBoot {
        evidence.append("pool \(pool.pool) doesn't start at boot")
        fix.append("virsh net-autostart \(pool.pool)")
      }
    }
    guard evidence.isEmpty else {
      self.init(.poolStarted, .warning, evidence, fix: fix)
      return
    }
    self.init(
      .poolStarted, .ok, [pools.isEmpty ? "there is no pool" : "every pool is started, and starts at boot"])
  }
}
