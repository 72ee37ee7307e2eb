import PoolModel

/// What an admin can do to a device.
public enum DeviceVerb: String, Sendable {
  case detach, reattach, reset

  var participle: String {
    switch self {
    case .detach: "detached"
    case .reattach: "reattached"
    case .reset: "reset"
    }
  }
}

/// Who has a device, as far as vfpool and libvirt know.
struct DeviceHolders {
  var lease: Lease?
  /// The running guest whose XML has it.
  var guest: String?
  /// The owner of a port of libvirt's on it that is no lease.
  var portOwner: String?
  /// The pool that lists it.
  var pool: String?
  /// Of a PF: its VFs that are leased, each with its guest.
  var leasedVFs: [(vf: VFIndex, guest: String)] = []
  /// Of a PF: the pools that take VFs from it.
  var poolsOnIt: [String] = []
  /// The processes that have its vfio node or one of its disks open, by node.
  var users: [String: [String]] = [:]
}

/// What speaks against doing something to a device: everything, not only the first.
struct DeviceRules {
  let device: PCIDevice
  let vf: VFIndex?
  let holders: DeviceHolders

  func obstacles(to verb: DeviceVerb) -> [DeviceObstacle] {
    if device.kind == .bridge {
      return [DeviceObstacle("is a bridge or a port, which no guest can have")]
    }
    switch verb {
    case .reattach: return inGuests
    case .detach: return inGuests + inPools + hostUses
    case .reset: return inGuests + inPools + vfsOfIt + routes + kernelUses + upInterfaces + disks
    }
  }

  /// What the host would lose with the device.
  var hostUses: [DeviceObstacle] { vfsOfIt + poolsOnIt + routes + kernelUses + interfaces + disks }

  /// `0000:01:10.0 (VF enp1s0/3)`
  var name: String {
    if let vf { return "\(device.pci) (VF \(vf))" }
    let netdevs = device.netdevs.map(\.name).joined(separator: ", ")
    return "\(device.pci)" + (netdevs.isEmpty ? "" : " (\(netdevs))")
  }

  /// Who else has the device.
  var inGuests: [DeviceObstacle] {
    if let lease = holders.lease {
      return [DeviceObstacle("is leased to guest \(lease.guest.name)", "stop the guest first")]
    }
    if let guest = holders.guest {
      return [
        DeviceObstacle(
          "is in running guest \(guest)",
          "stop the guest, or take it out: vfpool guest detach \(guest) --device \(device.pci)")
      ]
    }
    if let owner = holders.portOwner {
      return [DeviceObstacle("is taken in libvirt by \(owner)", "stop \(owner) first")]
    }
    return device.vfioNodes.flatMap { holders.users[$0] ?? [] }.reduce(into: []) { obstacles, user in
      let obstacle = DeviceObstacle("is open in \(user)", "end that first")
      if !obstacles.contains(obstacle) { obstacles.append(obstacle) }
    }
  }

  private var inPools: [DeviceObstacle] {
    guard holders.lease == nil, let pool = holders.pool else { return [] }
    return [
      DeviceObstacle(
        "belongs to pool \(pool), which may hand it out at any time",
        "take it out of the pool and apply that; `vfpool vf reset` cleans a VF of a pool")
    ]
  }

  private var vfsOfIt: [DeviceObstacle] {
    guard let count = device.numVFs, count > 0 else { return [] }
    let pf = device.netdevs.first?.name ?? "\(device.pci)"
    let leased = holders.leasedVFs.map { "\($0.vf) to guest \($0.guest)" }
    return [
      DeviceObstacle(
        "has \(count) VF\(count == 1 ? "" : "s"), which would go"
          + (leased.isEmpty ? "" : ", and of them are leased: \(Self.some(leased))"),
        leased.isEmpty
          ? "remove them first: vfpool pf set-vfs \(pf) 0"
          : "stop the guest\(leased.count == 1 ? "" : "s"), then remove them: vfpool pf set-vfs \(pf) 0")
    ]
  }

  private var poolsOnIt: [DeviceObstacle] {
    holders.poolsOnIt.map {
      DeviceObstacle("is a PF that pool \($0) takes VFs from", "remove the pool, or apply it without this PF")
    }
  }

  private var routes: [DeviceObstacle] {
    device.netdevs.filter { !$0.defaultRoutes.isEmpty }.map { netdev in
      DeviceObstacle(
        "carries the host's default route on \(netdev.name) (\(netdev.defaultRoutes.joined(separator: ", ")))",
        "let another interface carry it first")
    }
  }

  private var interfaces: [DeviceObstacle] {
    elsewhere
      + device.netdevs.compactMap { netdev in
        let name = netdev.name
        if let master = netdev.master {
          return DeviceObstacle("has interface \(name) in \(master)", "take it out: ip link set \(name) nomaster")
        }
        if let upper = netdev.uppers.first {
          return DeviceObstacle("has interface \(name), which carries \(upper)", "remove that first")
        }
        if netdev.isUp, let address = netdev.addresses.first {
          return DeviceObstacle(
            "has interface \(name) up with address \(address)", "set it down first: ip link set \(name) down")
        }
        return Self.up(netdev)
      }
  }

  private static func up(_ netdev: DeviceNetdev) -> DeviceObstacle? {
    guard netdev.isUp else { return nil }
    return DeviceObstacle("has interface \(netdev.name) up", "set it down first: ip link set \(netdev.name) down")
  }

  private var kernelUses: [DeviceObstacle] {
    let parts = device.parts.map { DeviceObstacle("is the parent of \($0)", "remove that first") }
    let open = device.charNodes.flatMap { node in
      (holders.users[node] ?? []).map { DeviceObstacle("is open in \($0) as \(node)", "end that first") }
    }
    return parts + open
  }

  private var upInterfaces: [DeviceObstacle] {
    elsewhere + device.netdevs.compactMap(Self.up)
  }

  private var elsewhere: [DeviceObstacle] {
    guard device.isElsewhere else { return [] }
    return [DeviceObstacle("has its interface in another network namespace", "bring it back: ip link set … netns 1")]
  }

  private var disks: [DeviceObstacle] {
    let used = device.disks.compactMap { disk in disk.use.map { "\(disk.name) \($0)" } }
    let open = device.disks.filter { $0.use == nil }.flatMap { disk in
      (holders.users["/dev/\(disk.name)"] ?? []).map { "\(disk.name) is open in \($0)" }
    }
    guard !used.isEmpty || !open.isEmpty else { return [] }
    return [
      DeviceObstacle("has disks in use: \(Self.some(used + open))", "unmount them, or stop what uses them, first")
    ]
  }

  private static func some(_ list: [String]) -> String {
    list.prefix(4).joined(separator: ", ") + (list.count > 4 ? " and \(list.count - 4) more" : "")
  }
}

extension PCIDevice {
  /// The device nodes by which a process has it while it is on vfio.
  var vfioNodes: [String] {
    guard isOnVFIO else { return [] }
    return (iommuGroup.map { ["/dev/vfio/\($0)"] } ?? []) + (vfioNode.map { ["/dev/vfio/devices/\($0)"] } ?? [])
  }

  /// All device nodes whose users matter before it is touched.
  var nodes: [String] { vfioNodes + charNodes + disks.map { "/dev/\($0.name)" } }
}
