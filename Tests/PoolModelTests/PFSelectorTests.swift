import Foundation
import PoolModel
import Testing

struct PFSelectorTests {
  private static let one = PCIAddress(bus: 1, slot: 0, function: 0)
  private static let mac = MACAddress(value: 0x5254_00aa_0002)
  private static let card = PCIID(vendor: 0x8086, device: 0x10c9)
  private static let vf = PCIID(vendor: 0x8086, device: 0x10ca)
  private static let inventory = HostInventory(pfs: [
    PF(
      name: "enp1s0", ifindex: 3, altNames: ["lan"], pci: one, id: card, vfID: vf, driver: "igb", numVFs: 0, totalVFs: 7
    ),
    // In a bond, where both have the same MAC.
    PF(
      name: "enp2s0", ifindex: 4, pci: PCIAddress(bus: 2, slot: 0, function: 0), id: card, vfID: vf,
      mac: MACAddress(value: 0x5254_00aa_0001), permanentMAC: mac, driver: "igb", numVFs: 0, totalVFs: 7),
    PF(
      name: "enp3s0", ifindex: 5, pci: PCIAddress(bus: 3, slot: 0, function: 0),
      id: PCIID(vendor: 0x15b3, device: 0x1017), driver: "mlx5_core", numVFs: 0, totalVFs: 8),
  ])

  @Test(
    arguments: [
      (PFSelector(dev: "lan"), ["enp1s0"]), (PFSelector(dev: "enp9s0"), []), (PFSelector(pci: one), ["enp1s0"]),
      (PFSelector(mac: mac), ["enp2s0"]), (PFSelector(mac: MACAddress(value: 0x5254_00aa_0001)), []),
      (PFSelector(match: vf), ["enp1s0", "enp2s0"]), (PFSelector(match: card), ["enp1s0", "enp2s0"]),
      (PFSelector(driver: "mlx5_core"), ["enp3s0"]), (PFSelector(pci: one, match: card, driver: "igb"), ["enp1s0"]),
      (PFSelector(dev: "enp1s0", driver: "mlx5_core"), []), (PFSelector(), []),
    ] as [(PFSelector, [String])])
  func means(_ selector: PFSelector, _ names: [String]) {
    #expect(Self.inventory.pfs(selector).map(\.name) == names)
  }

  @Test func eachPFOfAPoolComesWithWhatIsWantedOfIt() {
    let pool = Pool(name: "a", pfs: [PoolPF(dev: "enp3s0"), PoolPF(PFSelector(match: Self.vf), vfs: 7, range: 0...3)])
    #expect(Self.inventory.pfs(of: pool).map(\.pf.name) == ["enp3s0", "enp1s0", "enp2s0"])
    #expect(Self.inventory.pfs(of: pool).map(\.wanted.vfs) == [nil, 7, 7])
  }

  @Test func isWrittenAsItIsRead() {
    #expect("\(PFSelector(dev: "enp1s0"))" == "enp1s0")
    #expect(
      "\(PFSelector(dev: "enp1s0", pci: Self.one, mac: Self.mac, match: Self.vf, driver: "igb"))"
        == #"dev="enp1s0" pci="0000:01:00.0" mac="52:54:00:aa:00:02" match="8086:10ca" driver="igb""#)
  }

  @Test func aSavedCountIsFoundWithoutItsCard() {
    let saved = OwnVFCount(pci: Self.one, mac: Self.mac, name: "enp1s0", count: 7)
    #expect(PFSelector(dev: "enp1s0").means(saved))
    #expect(PFSelector(mac: Self.mac).means(saved))
    #expect(!PFSelector(dev: "enp1s0", mac: .zero).means(saved))
    // Of the kind of a card a count tells nothing.
    #expect(!PFSelector(match: Self.card).means(saved))
  }

  @Test(arguments: [
    ("8086:10ca", true), ("15B3:1017", true), ("8086", false), ("8086:10c", false), ("0x86:10ca", false),
  ])
  func readsVendorAndDevice(_ text: String, _ isGood: Bool) {
    #expect(PCIID(text).map { "\($0)" } == (isGood ? text.lowercased() : nil))
  }

  @Test func jsonIsFlatAndReadsWhatHasOnlyANameInIt() throws {
    let old = #"{"dev":"enp1s0","vfs":7,"range":[0,3]}"#
    let pf = try JSONDecoder().decode(PoolPF.self, from: Data(old.utf8))
    #expect(pf == PoolPF(dev: "enp1s0", vfs: 7, range: 0...3))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(String(decoding: try encoder.encode(pf), as: UTF8.self) == #"{"dev":"enp1s0","range":[0,3],"vfs":7}"#)
    let selected = PoolPF(PFSelector(mac: Self.mac, match: Self.vf))
    #expect(try JSONDecoder().decode(PoolPF.self, from: encoder.encode(selected)) == selected)
  }
}
