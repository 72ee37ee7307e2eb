import PoolModel
import Testing

struct HostInventoryTests {
  private static let pci = PCIAddress(bus: 1, slot: 0x10, function: 2)
  private static let inventory = HostInventory(
    pfs: [
      PF(name: "enp1s0", ifindex: 2, numVFs: 2, totalVFs: 7), PF(name: "eni1np1", ifindex: 3, numVFs: 1, totalVFs: 4),
    ],
    vfs: [
      VF(id: VFIndex(pf: "enp1s0", index: 0), pci: PCIAddress(bus: 1, slot: 0x10, function: 0)),
      VF(id: VFIndex(pf: "enp1s0", index: 1), pci: pci), VF(id: VFIndex(pf: "eni1np1", index: 0)),
    ])

  @Test(arguments: [
    ("enp1s0/0", "enp1s0/0"), ("enp1s0/1", "enp1s0/1"), ("eni1np1/0", "eni1np1/0"), ("0000:01:10.2", "enp1s0/1"),
    ("01:10.0", "enp1s0/0"), ("0000:01:10.1", nil), ("enp1s0/2", nil), ("enp1s0/-1", nil), ("enp1s0/", nil),
    ("enp1s0", nil), ("/0", nil), ("enp9s0/0", nil), ("enp1s0/x", nil), ("", nil), ("enp1s0/0/0", nil),
  ])
  func findsVFsByName(text: String, expected: String?) {
    #expect(Self.inventory.vf(named: text)?.id.description == expected)
  }

  @Test func findsVFsAlsoAfterTheListWasChanged() {
    var inventory = Self.inventory
    inventory.vfs[1].driver = "vfio-pci"
    #expect(inventory.vf(at: Self.pci)?.driver == "vfio-pci")
    let new = PCIAddress(bus: 1, slot: 0x10, function: 4)
    inventory.vfs.insert(VF(id: VFIndex(pf: "enp1s0", index: 2), pci: new), at: 0)
    #expect([Self.pci, new].map { inventory.place(of: $0) } == [2, 0])
    #expect(inventory == HostInventory(pfs: inventory.pfs, vfs: inventory.vfs))
    inventory.vfs = []
    #expect(inventory.vf(at: Self.pci) == nil)
  }

  @Test func nodesOfCPUs() {
    let inventory = HostInventory(numaNodes: [0: [0, 1], 1: [2, 3], 2: []])
    #expect(inventory.numaNodes(ofCPUs: [1]) == [0])
    #expect(inventory.numaNodes(ofCPUs: [1, 3]) == [0, 1])
    #expect(inventory.numaNodes(ofCPUs: [9]) == [])
    #expect(inventory.numaNodes(ofCPUs: []) == [])
  }

  @Test func findsPFs() {
    #expect(Self.inventory.pf(named: "eni1np1")?.ifindex == 3)
    #expect(Self.inventory.pf(named: "eth0") == nil)
  }
}
