import LibvirtXML
import PoolFlows
import PoolModel

/// Who hears libvirt's hooks and events: a manager, or a vfpoold that may be dead, whom libvirt doesn't wait for then.
public protocol HookListener: Sendable {
  func prepare(_ guest: GuestDescription, deadline: HookDeadline) async -> HookVerdict
  func allocated(_ port: NetworkPort, network: String, deadline: HookDeadline) async
  func started(_ guest: GuestID, deadline: HookDeadline) async
  func freed(_ port: NetworkPort, network: String, deadline: HookDeadline) async
  func release(_ guest: GuestID) async
  func guestStarted(_ uuid: String) async
  func guestStopped(_ uuid: String) async
  func guestDefined(_ guest: GuestID) async
}

extension PoolManager: HookListener {
  public func release(_ guest: GuestID) async { await released(endOfRun(of: guest)) }
}
