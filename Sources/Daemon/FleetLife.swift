import Etcd
import Fleet
import PoolFlows
import PoolModel
import ServiceLifecycle

/// This host in its fleet, until vfpoold ends.
struct FleetLife: Service {
  let agent: FleetAgent
  let etcd: EtcdClient
  let manager: PoolManager

  func run() async throws {
    await cancelWhenGracefulShutdown { await agent.run(manager) }
    await etcd.shutdown()
  }
}

/// A fleet that is configured and can't be joined: it only says so.
struct UnusableFleet: FleetSpace {
  let why: String

  var problems: [String] { ["in no fleet, though vfpool.conf names one: \(why)"] }

  func claim(
    _ live: [MACAddress: FleetShare.Live], for guest: GuestID, isIncoming: Bool, within patience: Duration
  ) async -> [MACElsewhere] { [] }
  func settled(_ guest: GuestID) {}
  func contentsChanged() {}
  func bindings(ofGuest uuid: String, within patience: Duration) async -> [MACBinding] { [] }
  func binders(of macs: Set<MACAddress>, within patience: Duration) async -> [MACElsewhere] { [] }
}
