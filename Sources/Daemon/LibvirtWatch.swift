import Libvirt
import PoolFlows
import PoolModel
import ServiceLifecycle

/// Keeps the link to libvirt up and passes on to the flows what libvirt tells.
struct LibvirtWatch: Service {
  let libvirt: LibvirtLink
  let manager: PoolManager

  func run() async throws {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await libvirt.run() }
      group.addTask {
        var isStartUp = true
        for await signal in libvirt.signals {
          await pass(on: signal)
          guard isStartUp, case .connected = signal else { continue }
          isStartUp = false
          Task {
            await manager.reconciledInBackground()
            StartUpPages.giveBack()
          }
        }
      }
      try? await gracefulShutdown()
      await manager.shutDown()
      group.cancelAll()
    }
  }

  private func pass(on signal: LibvirtLink.Signal) async {
    switch signal {
    case .connected: await manager.libvirtConnected()
    case .disconnected: await manager.libvirtDisconnected()
    case .event(.domain(let guest, .started)): await manager.guestStarted(guest.uuid)
    case .event(.domain(let guest, .stopped)): await manager.guestStopped(guest.uuid)
    case .event(.domain(let guest, .defined)):
      // It asks for domains, which may have to wait for a hook, and the next events must not.
      Task { await manager.guestDefined(guest) }
    case .event(.deviceAdded(let guest, let alias)): await manager.deviceAdded(alias, to: guest.uuid)
    case .event(.deviceRemoved(let guest, let alias)): await manager.deviceRemoved(alias, from: guest.uuid)
    case .event(.deviceRemovalFailed(let guest, let alias)):
      await manager.deviceRemovalFailed(alias, in: guest.uuid)
    case .event(.network): await manager.networksChanged()
    case .event: break
    }
  }
}
