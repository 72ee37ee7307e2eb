import Clibvirt
import PoolModel

/// A callback that a connection has; libvirt holds a reference to the hub until it frees that.
struct EventRegistration {
  enum Callback: CaseIterable {
    case domainLifecycle, deviceAdded, deviceRemoved, deviceRemovalFailed, networkLifecycle

    var kind: LibvirtEventKinds {
      switch self {
      case .domainLifecycle: .domains
      case .deviceAdded, .deviceRemoved, .deviceRemovalFailed: .devices
      case .networkLifecycle: .networks
      }
    }
  }

  let callback: Callback
  private let id: Int32

  init(
    _ callback: Callback, feeding hub: EventHub, on connection: OpaquePointer, _ subject: String
  ) throws(LibvirtError) {
    let reference = Unmanaged.passRetained(hub)
    let opaque = reference.toOpaque()
    let id =
      switch callback {
      case .domainLifecycle: clibvirt_register_domain_lifecycle(connection, domainLifecycle, opaque, releaseHub)
      case .deviceAdded: clibvirt_register_device_added(connection, deviceAdded, opaque, releaseHub)
      case .deviceRemoved: clibvirt_register_device_removed(connection, deviceRemoved, opaque, releaseHub)
      case .deviceRemovalFailed:
        clibvirt_register_device_removal_failed(connection, deviceRemovalFailed, opaque, releaseHub)
      case .networkLifecycle: clibvirt_register_network_lifecycle(connection, networkLifecycle, opaque, releaseHub)
      }
    guard id >= 0 else {
      let error = LibvirtError.last("subscribe to", subject)
      reference.release()
      throw error
    }
    self.callback = callback
    self.id = id
  }

  /// Failures don't matter: on a dead connection libvirt still forgets the callback on this side.
  func deregister(on connection: OpaquePointer) {
    switch callback {
    case .domainLifecycle, .deviceAdded, .deviceRemoved, .deviceRemovalFailed:
      virConnectDomainEventDeregisterAny(connection, id)
    case .networkLifecycle: virConnectNetworkEventDeregisterAny(connection, id)
    }
  }
}

private func deliver(_ event: LibvirtEvent, _ kind: LibvirtEventKinds, _ opaque: UnsafeMutableRawPointer?) {
  guard let opaque else { return }
  Unmanaged<EventHub>.fromOpaque(opaque).takeUnretainedValue().deliver(event, kind)
}

private func domainLifecycle(
  _: OpaquePointer?, domain: OpaquePointer?, event: Int32, detail: Int32, opaque: UnsafeMutableRawPointer?
) -> Int32 {
  if let id = domain.flatMap({ BorrowedDomain(pointer: $0).id }) {
    deliver(.domain(id, DomainChange(event: event, detail: detail)), .domains, opaque)
  }
  return 0
}

private func deviceAdded(
  _: OpaquePointer?, domain: OpaquePointer?, alias: UnsafePointer<CChar>?, opaque: UnsafeMutableRawPointer?
) {
  deliver(domain, alias, opaque) { .deviceAdded($0, alias: $1) }
}

private func deviceRemoved(
  _: OpaquePointer?, domain: OpaquePointer?, alias: UnsafePointer<CChar>?, opaque: UnsafeMutableRawPointer?
) {
  deliver(domain, alias, opaque) { .deviceRemoved($0, alias: $1) }
}

private func deviceRemovalFailed(
  _: OpaquePointer?, domain: OpaquePointer?, alias: UnsafePointer<CChar>?, opaque: UnsafeMutableRawPointer?
) {
  deliver(domain, alias, opaque) { .deviceRemovalFailed($0, alias: $1) }
}

private func deliver(
  _ domain: OpaquePointer?, _ alias: UnsafePointer<CChar>?, _ opaque: UnsafeMutableRawPointer?,
  _ event: (GuestID, String) -> LibvirtEvent
) {
  guard let id = domain.flatMap({ BorrowedDomain(pointer: $0).id }), let alias else { return }
  deliver(event(id, String(cString: alias)), .devices, opaque)
}

private func networkLifecycle(
  _: OpaquePointer?, network: OpaquePointer?, event: Int32, _: Int32, opaque: UnsafeMutableRawPointer?
) {
  guard let network, let name = virNetworkGetName(network),
    let uuid = try? readUUID("read the UUID of", "network", { virNetworkGetUUIDString(network, $0) })
  else { return }
  deliver(.network(name: String(cString: name), uuid: uuid, NetworkChange(event: event)), .networks, opaque)
}
