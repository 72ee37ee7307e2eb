import Netlink
import PoolModel

extension DeviceInventory {
  /// Adds to the devices' interfaces what rtnetlink tells: state, addresses, what they are in and what is on them, and
  /// the default routes that leave through them or through anything above them.
  ///
  /// `addresses` are IP addresses by interface index.
  mutating func join(links: [LinkInfo], addresses: [Int32: [String]], routes: [DefaultRoute]) {
    let stack = LinkStack(links)
    let byName = Dictionary(links.map { ($0.name, $0) }) { first, _ in first }
    // udev may have renamed an interface since sysfs was read.
    let byParent = Dictionary(grouping: links.filter { $0.parentDevName != nil }) { $0.parentDevName ?? "" }
    for place in devices.indices where !devices[place].netdevs.isEmpty {
      // Some hang further down, as a subfunction's does.
      let direct = byParent["\(devices[place].pci)"] ?? []
      let found = direct + devices[place].netdevs.compactMap { byName[$0.name] }.filter { !direct.contains($0) }
      devices[place].netdevs = found.map { link in
        DeviceNetdev(
          name: link.name, isUp: link.adminUp, addresses: addresses[link.ifindex] ?? [],
          master: stack.master(of: link).map(stack.words), uppers: stack.stacked(on: link).map(stack.words),
          defaultRoutes: routes.flatMap { stack.words(of: $0, through: link) })
      }
    }
  }
}

/// Which links are on top of which.
private struct LinkStack {
  private let byIndex: [Int32: LinkInfo]
  private let byLower: [Int32: [LinkInfo]]

  init(_ links: [LinkInfo]) {
    byIndex = Dictionary(links.map { ($0.ifindex, $0) }) { first, _ in first }
    byLower = Dictionary(grouping: links.filter { $0.lower != nil && $0.lower != $0.ifindex }) { $0.lower ?? 0 }
  }

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
