import Netlink
import PoolModel

extension DeviceInventory {
  /// Adds to the devices' interfaces what rtnetlink tells: state, addresses, what they are in and what is on them, and
  /// the default routes that leave through them or through anything above them.
  ///
  /// `addresses` are IP addresses by interface index.
  mutating func join(links: [LinkInfo], addresses: [Int32: [String]], routes: [DefaultRoute]) {
    let stack = LinkStack(links)
    for place in devices.indices where !devices[place].netdevs.isEmpty {
      // Some hang further down, as a subfunction's does.
      let direct = stack.links(ofDevice: devices[place].pci)
      let found =
        direct + devices[place].netdevs.compactMap { stack.link(named: $0.name) }.filter { !direct.contains($0) }
      devices[place].netdevs = found.map { link in
        DeviceNetdev(
          name: link.name, isUp: link.adminUp, addresses: addresses[link.ifindex] ?? [],
          master: stack.master(of: link).map(stack.words), uppers: stack.stacked(on: link).map(stack.words),
          defaultRoutes: routes.flatMap { stack.words(of: $0, through: link) })
      }
    }
  }
}
