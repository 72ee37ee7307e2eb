import Netlink
import PoolFlows
import PoolModel
import ServiceLifecycle

/// Passes on to the flows what the kernel tells of cards and VFs.
struct KernelEvents: Service {
  let watch: KernelWatch
  let manager: PoolManager

  func run() async throws {
    for await event in watch.events.cancelOnGracefulShutdown() {
      switch event {
      case .link(let link):
        await manager.linkChanged(ifindex: link.ifindex, name: link.name, carrier: link.carrier)
        if let vf = link.pci { await manager.netdevChanged(of: vf, ifindex: link.ifindex, isUsed: link.master != nil) }
      case .linkGone(let link):
        await manager.linkGone(ifindex: link.ifindex)
        if let vf = link.pci { await manager.netdevChanged(of: vf, ifindex: nil, isUsed: link.isElsewhere) }
      case .address(let ifindex, let isNew), .stacked(let ifindex, let isNew):
        await manager.useChanged(ofNetdev: ifindex, isUsed: isNew)
      case .device(let event) where ["add", "remove"].contains(event.action): await manager.devicesChanged()
      case .device(let event):
        if event.action == "bind", let vf = event.pci {
          await manager.driverBound(to: vf, isVFIO: event.properties["DRIVER"] == "vfio-pci")
        }
      case .lost: await manager.messagesLost()
      }
    }
  }
}

extension LinkInfo {
  fileprivate var pci: PCIAddress? { parentDevName.flatMap { PCIAddress($0) } }
}

extension Uevent {
  fileprivate var pci: PCIAddress? { properties["PCI_SLOT_NAME"].flatMap { PCIAddress($0) } }
}
