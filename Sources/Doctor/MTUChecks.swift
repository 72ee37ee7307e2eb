import PoolModel
import Sysfs

/// How long frames may be, on the way from a guest to the cable.
extension Examination {
  func mtuChecks(_ networks: NetworkFiles) -> [Check] { [vfMTU, upperMTU, poolMTU(networks)] }

  /// Only of VFs that the host's own driver has: a guest sets the MTU of its VF itself.
  private var vfMTU: Check {
    var found: [String] = []
    var fix: [String] = []
    var known: [String] = []
    for pf in scan.pfs {
      guard let mtu = pf.mtu else { continue }
      let longer = pf.vfs.filter { ($0.mtu ?? 0) > mtu }
      if let greatest = longer.compactMap(\.mtu).max() {
        found.append(
          "PF \(pf.name) has MTU \(mtu), its VFs \(Set(longer.map(\.index)).list) up to \(greatest): cards that go by the "
            + "PF drop what is longer")
        fix.append("ip link set \(pf.name) mtu \(greatest)   # and where the host's network is configured")
      } else if mtu > 1500, pf.vfs.contains(where: { $0.mtu == 1500 }) {
        known.append("PF \(pf.name) has MTU \(mtu), VFs 1500: each guest sets the MTU of its VF itself")
      }
    }
    return verdict(
      .vfMTU, found, or: known.isEmpty ? "no VF has a greater MTU than its PF" : known.joined(separator: "; "), fix: fix
    )
  }

  private var upperMTU: Check {
    let stack = NetdevStack(files: files)
    var found: [String] = []
    var fix: [String] = []
    for pf in stacks(stack) {
      guard let mtu = pf.mtu else { continue }
      for upper in pf.uppers {
        guard let above = stack.number(upper.name, "mtu"), above > mtu else { continue }
        found.append("\(upper.name) has MTU \(above), PF \(pf.name) below it \(mtu): what is longer gets no further")
        fix.append("ip link set \(pf.name) mtu \(above)   # and where the host's network is configured")
      }
    }
    return verdict(
      .upperMTU, found, or: "nothing on top of a PF with VFs has a greater MTU than the PF", fix: fix.firstOnes)
  }

  private func poolMTU(_ networks: NetworkFiles) -> Check {
    let pools = networks.hostdev.map { network in
      let pfs = pfs(of: network).compactMap { pf in pf.mtu.map { (pf: pf.name, mtu: $0) } }
      return PoolMTU(pool: network.name, pfs: Dictionary(pfs, uniquingKeysWith: { a, _ in a }))
    }
    return known(networks, Check(mtuOf: pools))
  }
}

/// The MTUs of the PFs of a pool.
public struct PoolMTU: Hashable, Sendable {
  public var pool: String
  /// By the PFs' names.
  public var pfs: [String: Int]

  public init(pool: String, pfs: [String: Int]) {
    self.pool = pool
    self.pfs = pfs
  }
}

extension Check {
  /// `pool-mtu`: whether what a guest can send depends on the VF that it gets.
  public init(mtuOf pools: [PoolMTU]) {
    let uneven = pools.filter { Set($0.pfs.values).count > 1 }
    guard !uneven.isEmpty else {
      self.init(.poolMTU, .ok, [pools.isEmpty ? "there is no pool" : "all PFs of a pool have the same MTU"])
      return
    }
    self.init(
      .poolMTU, .warning,
      uneven.map { pool in
        let pfs = pool.pfs.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return "pool \(pool.pool): its PFs have different MTUs (\(pfs)), so what a guest can send depends on its VF"
      },
      fix: uneven.flatMap { pool in
        let most = pool.pfs.values.max() ?? 1500
        return pool.pfs.sorted { $0.key < $1.key }.filter { $0.value < most }.map {
          "ip link set \($0.key) mtu \(most)"
        }
      }.firstOnes + ["the same where the host's network is configured"])
  }
}
