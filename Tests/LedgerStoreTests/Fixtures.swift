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

enum Sample {
  static let time = Timestamp(milliseconds: 1_795_531_913_120)
  static let guest = GuestID(name: "web", uuid: "6d1a4c52-0f6e-4d3a-9a8e-0d8f5f1f0a01")
  static let mac = MACAddress(value: 0x5254_00aa_0001)

  static func vf(_ index: UInt8) -> PCIAddress { PCIAddress(bus: 1, slot: 0x10 + index / 8, function: index % 8) }

  /// A pool with something in every field.
  static let pool = Pool(
    name: "tenant-a", uuid: "0f0e0d0c-0b0a-4908-8706-050403020100", mode: .observe,
    pfs: [PoolPF(dev: "enp1s0", vfs: 7, range: 0...3), PoolPF(dev: "enp2s0")], addresses: [vf(0), vf(1)],
    placement: Placement(policy: .spread, numa: .strict, sticky: true, quota: 2),
    reservations: [
      Reservation(guest: "web", vf: .address(vf(1))),
      Reservation(guest: guest.uuid, vf: .place(VFIndex(pf: "enp1s0", index: 0))),
    ],
    policy: VFPolicy(
      trust: false, spoofchk: true, linkState: .auto, minTxRate: 0, maxTxRate: .max, qos: 3, vlanProto: .dot1ad),
    portgroupPolicies: ["finance": VFPolicy(trust: true)], vlan: VLANTag(id: 42, qos: 1, proto: .dot1ad),
    portgroupVLANs: ["finance": VLANTag(id: 43)], portgroups: ["finance", "it's \"quoted\""],
    defaultPortgroup: "finance", whenDown: .refuse, macConflict: .warn, mac: .keep, enforcesOutsideChanges: true)

  /// With a port where the state demands one.
  static func lease(
    _ id: Int64, pool: String = pool.name, vf: PCIAddress? = nil, state: LeaseState = .recorded, port: String? = nil
  ) -> Lease {
    let port = port ?? (state.hasPort ? "port-\(id)" : nil)
    return Lease(
      id: id, pool: pool, guest: guest, nic: 0, mac: mac, vf: vf,
      vfIndex: vf.map { _ in VFIndex(pf: "enp1s0", index: 3) },
      state: state, port: port, since: time, bootID: "b00t",
      settings: state == .active
        ? VFSettings(mac: mac, vlan: .tagged(VLANTag(id: 42, qos: 3, proto: .dot1ad)), trust: true, maxTxRate: .max)
        : nil)
  }
}
