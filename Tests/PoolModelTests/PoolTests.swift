import Foundation
import PoolModel
import Testing

struct PoolTests {
  private static let pool = Pool(
    name: "tenant-a", pfs: [PoolPF(dev: "enp1s0", vfs: 7, range: 0...3)],
    policy: VFPolicy(trust: false, spoofchk: true, maxTxRate: 500),
    portgroupPolicies: ["finance": VFPolicy(trust: true, qos: 5), "other": VFPolicy(maxTxRate: 9)],
    vlan: VLANTag(id: 42), portgroupVLANs: ["finance": VLANTag(id: 43)], portgroups: ["finance", "other", "plain"])
  private static let finance = VFPolicy(trust: true, spoofchk: true, maxTxRate: 500, qos: 5)

  @Test(arguments: [
    (nil, nil, pool.policy), ("plain", nil, pool.policy), ("unknown", nil, pool.policy), ("finance", nil, finance),
    ("other", nil, VFPolicy(trust: false, spoofchk: true, maxTxRate: 9)), (nil, "finance", finance),
    ("plain", "finance", pool.policy), ("other", "finance", VFPolicy(trust: false, spoofchk: true, maxTxRate: 9)),
    (nil, "plain", pool.policy),
  ])
  func policyOfAPortgroup(portgroup: String?, defaultPortgroup: String?, expected: VFPolicy) {
    var pool = Self.pool
    pool.defaultPortgroup = defaultPortgroup
    #expect(pool.policy(portgroup: portgroup) == expected)
  }

  @Test(
    arguments: [
      (nil, nil, 42), ("finance", nil, 43), ("other", nil, 42), ("unknown", nil, 42), (nil, "finance", 43),
      ("other", "finance", 42),
    ] as [(String?, String?, UInt16)])
  func vlanOfAPortgroup(portgroup: String?, defaultPortgroup: String?, id: UInt16) {
    var pool = Self.pool
    pool.defaultPortgroup = defaultPortgroup
    #expect(pool.vlan(portgroup: portgroup) == VLANTag(id: id))
    pool.vlan = nil
    #expect(pool.vlan(portgroup: portgroup) == (id == 43 ? VLANTag(id: 43) : nil))
  }

  @Test(arguments: [
    (VFPolicy(), VLANTag(id: 7, qos: 1), VLANTag(id: 7, qos: 1)), (VFPolicy(qos: 3, vlanProto: .dot1ad), nil, nil),
    (VFPolicy(qos: 3), VLANTag(id: 7), VLANTag(id: 7, qos: 3)),
    (VFPolicy(qos: 0), VLANTag(id: 7, qos: 2), VLANTag(id: 7)),
    (VFPolicy(vlanProto: .dot1ad), VLANTag(id: 7), VLANTag(id: 7, proto: .dot1ad)),
  ])
  func completesTheVLAN(policy: VFPolicy, vlan: VLANTag?, expected: VLANTag?) {
    #expect(policy.completed(vlan) == expected)
  }

  @Test func earlyIsAllButTheVLAN() {
    let policy = VFPolicy(
      trust: true, spoofchk: false, linkState: .enable, minTxRate: 1, maxTxRate: 2, qos: 3, vlanProto: .dot1ad)
    #expect(
      policy.early
        == VFSettings(spoofchk: false, trust: true, linkState: .enable, minTxRate: 1, maxTxRate: 2))
    #expect(VFPolicy(qos: 3).early.isEmpty)
  }

  @Test func comesBackFromJSON() throws {
    let data = try JSONEncoder().encode(Self.pool)
    #expect(try JSONDecoder().decode(Pool.self, from: data) == Self.pool)
  }

  /// As a ledger has it that was written before there were reservations, quotas and kept MACs.
  @Test func olderJSONHasNeitherReservationsNorQuotaNorKeptMACs() throws {
    var pool = Self.pool
    pool.placement.quota = 2
    pool.mac = .keep
    pool.reservations = [Reservation(guest: "web", vf: .place(VFIndex(pf: "enp1s0", index: 2)))]
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(pool), as: UTF8.self)
    #expect(text.contains(#""reservations":[{"guest":"web","vf":"enp1s0/2"}]"#))
    let old = text.replacing(#""reservations":[{"guest":"web","vf":"enp1s0/2"}],"#, with: "")
      .replacing(#","quota":2"#, with: "").replacing(#""quota":2,"#, with: "")
      .replacing(#""mac":"keep","#, with: "")
    #expect(!old.contains("quota") && !old.contains("reservations") && !old.contains("keep"))
    #expect(try JSONDecoder().decode(Pool.self, from: Data(old.utf8)) == Self.pool)
    #expect(try JSONDecoder().decode(Pool.self, from: Data(text.utf8)) == pool)
  }
}
