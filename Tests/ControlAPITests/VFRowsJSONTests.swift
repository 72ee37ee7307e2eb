import PoolModel
import Testing

@testable import ControlAPI

struct VFRowsJSONTests {
  private static let full = VFRow(
    VF(
      id: VFIndex(pf: "enp1s0", index: 3), pci: PCIAddress(bus: 1, slot: 16, function: 6), netdev: "v\"0\\",
      driver: "igbvf", numaNode: 1,
      iommuGroup: IOMMUGroup(
        12, others: [PCIAddress(bus: 1, slot: 0, function: 0), PCIAddress(bus: 2, slot: 0, function: 0)]),
      mtu: 9000,
      state: VFState(
        mac: MACAddress(value: 0x5254_00ab_cdef), vlan: VLANTag(id: 42, qos: 3, proto: .dot1ad), spoofchk: true,
        trust: false, linkState: .enable, minTxRate: 1, maxTxRate: 4_000_000_000), representor: "enp1s0r3"),
    pool: "grün\n", state: .leased, guest: "g\u{7f}\t", leaseMac: .zero, why: "")

  @Test(arguments: [[], [full], [full, RowsTests.bareVF, full]])
  func isWhatTheEncoderWrites(_ rows: [VFRow]) {
    #expect(String(decoding: rows.json, as: UTF8.self) == JSONText(rows).pretty)
  }
}
