import Netlink
import PoolFlows
import ServiceLifecycle

/// Passes on to the flows what the kernel tells of cards and VFs.
struct KernelEvents: Service {
  let watch: KernelWatch
  let manager: PoolManager

  func run() async throws {
    for await event in watch.events.cancelOnGracefulShutdown() {
      switch event {
      case .link(let link): await manager.linkChanged(ifindex: link.ifindex, name: link.name, carrier: link.carrier)
      case .linkGone(let link): await manager.linkGone(ifindex: link.ifindex)
      case .device(let event) where ["add", "remove"].contains(event.action): await manager.devicesChanged()
      case .device: break
      case .lost: await manager.messagesLost()
      }
    }
  }
}
