import Foundation
import PoolModel

/// A folder that vanishes with its owner.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("vfpool-ledger-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var ledger: String { path + "/ledger.sqlite" }
}

/// Always the same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

enum Sample {
  static let time = Timestamp(milliseconds: 1_795_531_913_120)
  static let guest = GuestID(name: "web", uuid: "6d1a4c52-0f6e-4d3a-9a8e-0d8f5f1f0a01")
  static let mac = MACAddress(value: 0x5254_00aa_0001)

  static func vf(_ index: UInt8) -> PCIAddress { PCIAddress(bus: 1, slot: 0x10 + index / 8, function: index % 8) }

  /// A pool with something in every field.
  static let pool = Pool(
    name: "tenant-a", uuid: "0f0e0d0c-0b0a-4908-8706-050403020100", mode: .observe,
    pfs: [PoolPF(dev: "enp1s0", vfs: 7, range: 0...3), PoolPF(dev: "enp2s0")], addresses: [vf(0), vf(1)],
    placement: Placement(policy: .spread, numa: .strict, sticky: true),
    policy: VFPolicy(
      trust: false, spoofchk: true, linkState: .auto, minTxRate: 0, maxTxRate: .max, qos: 3, vlanProto: .dot1ad),
    portgroupPolicies: ["finance": VFPolicy(trust: true)], vlan: VLANTag(id: 42, qos: 1, proto: .dot1ad),
    portgroupVLANs: ["finance": VLANTag(id: 43)], portgroups: ["finance", "it's \"quoted\""],
    defaultPortgroup: "finance", whenDown: .refuse, macConflict: .warn, enforcesOutsideChanges: true)

  static func lease(
    _ id: Int64, pool: String = pool.name, vf: PCIAddress? = nil, state: LeaseState = .recorded, port: String? = nil
  ) -> Lease {
    Lease(
      id: id, pool: pool, guest: guest, nic: 0, mac: mac, vf: vf,
      vfIndex: vf.map { _ in VFIndex(pf: "enp1s0", index: 3) },
      state: state, port: port, since: time, bootID: "b00t")
  }
}
