import Netlink
import PoolModel
import Testing

@testable import Daemon

@Suite struct DeviceInventoryJoinTests {
  private static let pci = PCIAddress(bus: 1, slot: 0, function: 0)

  /// The interfaces of a device that has `names`, after the join.
  private func netdevs(
    _ links: [LinkInfo], names: [String] = ["enp1s0"], addresses: [Int32: [String]] = [:],
    routes: [DefaultRoute] = []
  ) -> [DeviceNetdev] {
    var inventory = DeviceInventory(devices: [
      PCIDevice(
        pci: Self.pci, ids: PCIIDs(deviceClass: 0x0200, vendor: 1, device: 1),
        netdevs: names.map { DeviceNetdev(name: $0) })
    ])
    inventory.join(links: links, addresses: addresses, routes: routes)
    return inventory.devices[0].netdevs
  }

  @Test func stateAddressesAndNeighbours() {
    let links = [
      LinkInfo(ifindex: 3, name: "enp1s0", adminUp: true, master: 9), LinkInfo(ifindex: 9, name: "br0", kind: "bridge"),
      LinkInfo(ifindex: 10, name: "enp1s0.42", lower: 3, kind: "vlan"),
      // Of another namespace, where numbers are others: it points to itself here.
      LinkInfo(ifindex: 11, name: "odd0", lower: 11),
    ]
    #expect(
      netdevs(links, addresses: [3: ["192.0.2.1"], 9: ["192.0.2.2"]]) == [
        DeviceNetdev(
          name: "enp1s0", isUp: true, addresses: ["192.0.2.1"], master: "bridge br0", uppers: ["vlan enp1s0.42"])
      ])
  }

  @Test func aRenamedInterfaceAndOneThatLeft() {
    let renamed = LinkInfo(ifindex: 3, name: "wan0", parentDevName: "\(Self.pci)")
    #expect(netdevs([renamed], names: ["eth0"]).map(\.name) == ["wan0"])
    #expect(netdevs([], names: ["eth0"]) == [])
  }

  @Test(
    arguments: [
      ([3], ["IPv4"]), ([9], ["IPv4 through bridge br0"]), ([10], ["IPv4 through vlan br0.7"]),
      ([11], ["IPv4 through macvtap tap0"]), ([12], []), ([12, 9], ["IPv4 through bridge br0"]), ([99], []),
    ] as [([Int32], [String])])
  func defaultRoutes(ifindexes: [Int32], words: [String]) {
    let links = [
      LinkInfo(ifindex: 3, name: "enp1s0", master: 8), LinkInfo(ifindex: 8, name: "bond0", master: 9, kind: "bond"),
      LinkInfo(ifindex: 9, name: "br0", kind: "bridge"), LinkInfo(ifindex: 10, name: "br0.7", lower: 9, kind: "vlan"),
      LinkInfo(ifindex: 11, name: "tap0", lower: 3, kind: "macvtap"), LinkInfo(ifindex: 12, name: "enp2s0"),
    ]
    let route = DefaultRoute(family: .ipv4, ifindexes: ifindexes)
    #expect(netdevs(links, routes: [route]).map(\.defaultRoutes) == [words])
  }

  @Test func bothFamiliesAreTold() {
    let link = LinkInfo(ifindex: 3, name: "enp1s0")
    let routes = [DefaultRoute(family: .ipv4, ifindexes: [3]), DefaultRoute(family: .ipv6, ifindexes: [3])]
    #expect(netdevs([link], routes: routes).map(\.defaultRoutes) == [["IPv4", "IPv6"]])
  }

  /// Two links that claim to be above each other.
  @Test func aCircleEnds() {
    let links = [
      LinkInfo(ifindex: 3, name: "enp1s0", master: 4), LinkInfo(ifindex: 4, name: "a", master: 5),
      LinkInfo(ifindex: 5, name: "b", master: 4),
    ]
    #expect(netdevs(links, routes: [DefaultRoute(family: .ipv4, ifindexes: [6])]).map(\.defaultRoutes) == [[]])
  }
}
