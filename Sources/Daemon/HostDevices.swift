import Dispatch
import Libvirt
import LibvirtXML
import Netlink
import PoolFlows
import PoolModel
import Sysfs

/// The host's PCI devices as the flows see them. Nothing is kept between requests: they are rare.
struct HostDevices: Devices {
  let link: LibvirtLink
  var sysfs = SysfsTree()
  var names = PCINameFile()
  var procRoot = "/proc"
  /// How long a driver may take to come after a reattach: its module may have to be loaded.
  var patience: Duration = .seconds(5)

  /// Not the kernel's queue that hooks wait for.
  private static let queue = DispatchQueue(label: "vfpool.devices")

  func inventory() async throws -> DeviceInventory {
    let (sysfs, procRoot) = (sysfs, procRoot)
    return try await Self.queue.run {
      var inventory = sysfs.pciDevices(mounts: try HostMounts(procRoot: procRoot))
      let route = try RouteSocket()
      inventory.join(
        links: try route.links(), addresses: try route.addresses(), routes: try route.defaultRoutes())
      return inventory
    }
  }

  func names(of devices: [PCIIDs]) async -> PCINames {
    let names = names
    return await Self.queue.run { names.names(of: devices) }
  }

  func users(of nodes: Set<String>) async -> [String: [String]] {
    let procRoot = procRoot
    return await Self.queue.run {
      var users = OpenFiles.users(of: nodes, procRoot: procRoot)
      for node in nodes where users[node] == nil && OpenFiles.isClaimed(node) { users[node] = ["the kernel"] }
      return users
    }
  }

  func facts(of device: PCIAddress) async throws -> NodeDevice? {
    let name = device.libvirtName
    do {
      let xml = try await link.guests.call { connection in try connection.nodeDeviceXML(name) }
      return try NodeDevice(xml: xml)
    } catch let error as LibvirtError where error.code == .noNodeDevice {
      return nil
    }
  }

  func detach(_ device: PCIAddress) async throws {
    let name = device.libvirtName
    try await link.guests.call { connection in try connection.detachNodeDevice(name) }
  }

  func reattach(_ device: PCIAddress) async throws {
    let name = device.libvirtName
    do {
      try await link.guests.call { connection in try connection.reattachNodeDevice(name) }
    } catch let error as LibvirtError {
      if let inUse = DeviceInUse(error) { throw inUse }
      throw error
    }
    let (sysfs, patience) = (sysfs, patience)
    _ = try await Self.queue.run { try sysfs.waitForDriver(of: device, patience: patience) }
  }

  func reset(_ device: PCIAddress) async throws {
    let name = device.libvirtName
    try await link.guests.call { connection in try connection.resetNodeDevice(name) }
  }
}

extension DeviceInUse {
  /// Nil: it failed for another reason.
  init?(_ error: LibvirtError) {
    // libvirt's source: virHostdevIsPCINodeDeviceUsed in src/hypervisor/virhostdev.c.
    guard error.code == .operationInvalid else { return nil }
    self.init(error.text)
  }
}
