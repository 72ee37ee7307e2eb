import PoolModel
import Testing

@testable import PoolFlows

/// The table of the README, part by part.
struct PoolChangesTests {
  private static let old = PoolShape(
    pool: Pool(
      name: "p", pfs: [PoolPF(dev: "enp1s0", vfs: 7)], placement: Placement(quota: 2),
      reservations: [Reservation(guest: "db", vf: .place(VFIndex(pf: "enp1s0", index: 1)))],
      policy: VFPolicy(trust: false, maxTxRate: 500), portgroupPolicies: ["g": VFPolicy(maxTxRate: 9)],
      vlan: VLANTag(id: 7), portgroupVLANs: ["g": VLANTag(id: 8)], portgroups: ["g", "h"]),
    vfs: [VFIndex(pf: "enp1s0", index: 0), VFIndex(pf: "enp1s0", index: 1), VFIndex(pf: "enp1s0", index: 2)],
    counts: ["enp1s0": 7], managed: true,
    others: ["virtualport": "<virtualport type=\"802.1Qbh\"/>", "portgroup g": "<portgroup/>"])
  private static let holders = [
    VFHolder(guest: "a", pool: "p", portgroup: nil, vf: VFIndex(pf: "enp1s0", index: 0)),
    VFHolder(guest: "b", pool: "p", portgroup: "g", vf: VFIndex(pf: "enp1s0", index: 1)),
    VFHolder(guest: "other", pool: "q", portgroup: nil, vf: VFIndex(pf: "enp2s0", index: 0)),
  ]

  struct Row: Sendable, CustomTestStringConvertible {
    var part: PoolPart
    var change: @Sendable (inout PoolShape) -> Void
    var expected: [PoolChange]
    var testDescription: String { expected.map(\.what).joined(separator: ", ") }

    init(_ part: PoolPart, _ expected: PoolChange..., change: @escaping @Sendable (inout PoolShape) -> Void) {
      (self.part, self.expected, self.change) = (part, expected, change)
    }
  }

  static let rows: [Row] = [
    Row(.vfsAdded, PoolChange("VFs enp1s0/3-4, enp2s0/0 join the pool", .now, restartsNetwork: true)) {
      $0.vfs.formUnion([.init(pf: "enp1s0", index: 3), .init(pf: "enp1s0", index: 4), .init(pf: "enp2s0", index: 0)])
    },
    Row(.vfsRemoved, PoolChange("VFs enp1s0/2 leave the pool", .guestsStopped, restartsNetwork: true)) {
      $0.vfs.remove(.init(pf: "enp1s0", index: 2))
    },
    Row(
      .vfsRemoved,
      PoolChange(
        "VFs enp1s0/1-2 leave the pool, of which guests have enp1s0/1", .guestsStopped, restartsNetwork: true,
        guests: ["b"])
    ) { $0.vfs = [.init(pf: "enp1s0", index: 0)] },
    Row(
      .vfCount,
      PoolChange(
        "PF enp1s0 goes from 7 to 5 VFs, for which the kernel takes all of them away first", .guestsStopped,
        guests: ["a", "b"])
    ) { $0.counts = ["enp1s0": 5] },
    Row(.placement, PoolChange("placement policy pack becomes spread", .now)) { $0.pool.placement.policy = .spread },
    Row(.placement, PoolChange("placement sticky no becomes yes", .now)) { $0.pool.placement.sticky = true },
    Row(.quota, PoolChange("quota 2 becomes 3", .now)) { $0.pool.placement.quota = 3 },
    Row(.quota, PoolChange("quota 2 goes", .now)) { $0.pool.placement.quota = nil },
    Row(.reservations, PoolChange("enp1s0/1 is no longer kept for db", .now)) { $0.pool.reservations = [] },
    Row(.whenDown, PoolChange("whenDown allow becomes refuse", .now)) { $0.pool.whenDown = .refuse },
    Row(.macConflict, PoolChange("macConflict refuse becomes warn", .now)) { $0.pool.macConflict = .warn },
    Row(.mac, PoolChange("mac follow becomes keep", .now)) { $0.pool.mac = .keep },
    Row(.outsideChanges, PoolChange("enforce no becomes yes", .now)) { $0.pool.enforcesOutsideChanges = true },
    Row(.mode, PoolChange("mode enforce becomes observe", .now)) { $0.pool.mode = .observe },
    // A portgroup's own rate stays over the one for all.
    Row(.settings, PoolChange("maxTxRate 500 becomes 800", .nextStart, guests: ["a"])) {
      $0.pool.policy.maxTxRate = 800
    },
    Row(.settings, PoolChange("trust off goes", .nextStart, guests: ["a", "b"])) { $0.pool.policy.trust = nil },
    Row(.settings, PoolChange("portgroup g: qos 3 is new", .nextStart, guests: ["b"])) {
      $0.pool.portgroupPolicies["g"]?.qos = 3
    },
    Row(.vlan, PoolChange("VLAN 7 becomes 42", .nextStart, restartsNetwork: true, guests: ["a"])) {
      $0.pool.vlan = VLANTag(id: 42)
    },
    Row(.vlan, PoolChange("portgroup g: VLAN 8 goes", .nextStart, restartsNetwork: true, guests: ["b"])) {
      $0.pool.portgroupVLANs = [:]
    },
    Row(.portgroups, PoolChange("portgroup new is new", .nextStart, restartsNetwork: true)) {
      $0.pool.portgroups.append("new")
      $0.others["portgroup new"] = "<portgroup/>"
    },
    Row(.portgroups, PoolChange("portgroup h goes", .nextStart, restartsNetwork: true)) { $0.pool.portgroups = ["g"] },
    Row(.portgroups, PoolChange("default portgroup h is new", .nextStart, restartsNetwork: true, guests: ["a"])) {
      $0.pool.defaultPortgroup = "h"
    },
    Row(.forward, PoolChange("managed yes becomes no", .nextStart, restartsNetwork: true, guests: ["a", "b"])) {
      $0.managed = false
    },
    Row(.forward, PoolChange("driver vfio becomes xen", .nextStart, restartsNetwork: true, guests: ["a", "b"])) {
      $0.driver = "xen"
    },
    Row(.others, PoolChange("<virtualport> is another", .now, restartsNetwork: true)) {
      $0.others["virtualport"] = nil
    },
    Row(.others, PoolChange("portgroup g is another", .now, restartsNetwork: true)) {
      $0.others["portgroup g"] = "<portgroup><bandwidth/></portgroup>"
    },
  ]

  @Test(arguments: rows)
  func takesEffectAsTheTableSays(_ row: Row) {
    var new = Self.old
    row.change(&new)
    #expect(new.changes(from: Self.old, holders: Self.holders) == row.expected)
    #expect(row.expected.allSatisfy { $0.effect == row.part.effect && $0.restartsNetwork == row.part.restartsNetwork })
  }

  @Test func everyPartHasItsRow() { #expect(Set(Self.rows.map(\.part)) == Set(PoolPart.allCases)) }

  @Test func nothingChangesNothing() { #expect(Self.old.changes(from: Self.old, holders: Self.holders) == []) }

  @Test func libvirtsOwnDriverIsVFIO() {
    var new = Self.old
    new.driver = "vfio"
    #expect(new.changes(from: Self.old, holders: Self.holders) == [])
  }

  @Test func aPFsFirstVFsTakeNothingAway() {
    var old = Self.old
    old.counts = ["enp1s0": 0]
    #expect(Self.old.changes(from: old, holders: Self.holders) == [])
  }
}
