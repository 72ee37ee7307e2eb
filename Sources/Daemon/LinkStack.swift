import Netlink
import PoolModel

/// Which links are on top of which.
struct LinkStack {
  private let byIndex: [Int32: LinkInfo]
  private let byName: [String: LinkInfo]
  private let byParent: [String: [LinkInfo]]
  private let byLower: [Int32: [LinkInfo]]

  init(_ links: [LinkInfo]) {
    byIndex = Dictionary(links.map { ($0.ifindex, $0) }) { first, _ in first }
    byName = Dictionary(links.map { ($0.name, $0) }) { first, _ in first }
    byParent = Dictionary(grouping: links.filter { $0.parentDevName != nil }) { $0.parentDevName ?? "" }
    byLower = Dictionary(grouping: links.filter { $0.lower != nil && $0.lower != $0.ifindex }) { $0.lower ?? 0 }
  }

  subscript(ifindex: Int32) -> LinkInfo? { byIndex[ifindex] }

  func link(named name: String) -> LinkInfo? { byName[name] }

  /// By the device, which is surer than by name: udev may have renamed an interface since sysfs was read.
  func links(ofDevice pci: PCIAddress) -> [LinkInfo] { byParent["\(pci)"] ?? [] }

  /// The bridge, bond or the like that it is in.
  func master(of link: LinkInfo) -> LinkInfo? { link.master.flatMap { byIndex[$0] } }

  /// VLANs, macvtaps and the like.
  func stacked(on link: LinkInfo) -> [LinkInfo] { byLower[link.ifindex] ?? [] }

  /// `bridge br0`
  func words(_ link: LinkInfo) -> String { "\(link.kind ?? "interface") \(link.name)" }

  /// Whether a route leaves through a link or what is above it: `IPv4`, or `IPv4 through bridge br0`.
  func words(of route: DefaultRoute, through link: LinkInfo) -> [String] {
    if route.ifindexes.contains(link.ifindex) { return [route.family.rawValue] }
    return above(link).first { route.ifindexes.contains($0.ifindex) }.map {
      ["\(route.family.rawValue) through \(words($0))"]
    } ?? []
  }

  /// All that is above a link, the nearest first.
  private func above(_ link: LinkInfo) -> [LinkInfo] {
    var found: [LinkInfo] = []
    var next = [link]
    while let below = next.popLast() {
      for upper in (master(of: below).map { [$0] } ?? []) + stacked(on: below)
      where upper.ifindex != link.ifindex && !found.contains(where: { $0.ifindex == upper.ifindex }) {
        found.append(upper)
        next.insert(upper, at: 0)
      }
    }
    return found
  }
}
