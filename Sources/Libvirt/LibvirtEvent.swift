import Clibvirt
import PoolModel

/// What libvirt tells without being asked. It tells nothing about network ports.
public enum LibvirtEvent: Hashable, Sendable {
  case domain(GuestID, DomainChange)
  /// A device was plugged into a running domain; `alias` is its name in the live XML, `hostdev0`.
  case deviceAdded(GuestID, alias: String)
  /// A device left a running domain.
  case deviceRemoved(GuestID, alias: String)
  /// A running domain refused to let a device go.
  case deviceRemovalFailed(GuestID, alias: String)
  case network(name: String, uuid: String, NetworkChange)
  /// libvirtd went away; the last event of its stream. Everything may have changed meanwhile.
  case connectionClosed(CloseReason)
}

/// The kinds of event to subscribe to; a connection delivers only those of its own driver
/// (`network:///system` networks, `qemu:///system` domains and devices).
public struct LibvirtEventKinds: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let domains = LibvirtEventKinds(rawValue: 1 << 0)
  public static let devices = LibvirtEventKinds(rawValue: 1 << 1)
  public static let networks = LibvirtEventKinds(rawValue: 1 << 2)
}

/// A step in a domain's life.
///
/// Source: `virDomainEventType` in libvirt's `libvirt-domain.h`.
public enum DomainChange: Hashable, Sendable {
  /// Why a domain runs no longer.
  public enum StopReason: String, Hashable, Sendable {
    case shutdown, destroyed, crashed, migrated, saved
    /// It couldn't start, or the host failed it.
    case failed
    case other
  }

  /// Defined anew.
  case defined
  /// The definition of a domain that was there has changed, or it has another name.
  case redefined
  case undefined
  /// Booted, restored, or migrated to here.
  case started
  /// Its process is gone.
  case stopped(StopReason)
  /// The guest panicked; the domain may live on (`on_crash=preserve`) and `stopped` follow, or not.
  case panicked
  /// Suspended, resumed and the like: no change of who holds what. The number is libvirt's.
  case other(Int32)
}

/// A step in a network's life.
///
/// Source: `virNetworkEventLifecycleType` in libvirt's `libvirt-network.h`.
public enum NetworkChange: Hashable, Sendable {
  /// Defined, or its definition has changed.
  case defined
  case undefined
  case started
  case stopped
  /// The number is libvirt's.
  case other(Int32)
}

/// Why a connection is closed.
public enum CloseReason: String, Hashable, Sendable {
  case error
  /// libvirtd ended: restarted, stopped or crashed.
  case endOfFile
  case keepalive
  /// Closed by this side.
  case client
}

extension DomainChange {
  init(event: Int32, detail: Int32) {
    switch virDomainEventType(UInt32(bitPattern: event)) {
    case VIR_DOMAIN_EVENT_DEFINED:
      self = detail == Int32(bitPattern: VIR_DOMAIN_EVENT_DEFINED_ADDED.rawValue) ? .defined : .redefined
    case VIR_DOMAIN_EVENT_UNDEFINED: self = .undefined
    case VIR_DOMAIN_EVENT_STARTED: self = .started
    case VIR_DOMAIN_EVENT_STOPPED: self = .stopped(StopReason(detail: detail))
    case VIR_DOMAIN_EVENT_CRASHED: self = .panicked
    default: self = .other(event)
    }
  }
}

extension DomainChange.StopReason {
  init(detail: Int32) {
    switch virDomainEventStoppedDetailType(UInt32(bitPattern: detail)) {
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN: self = .shutdown
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED: self = .destroyed
    case VIR_DOMAIN_EVENT_STOPPED_CRASHED: self = .crashed
    case VIR_DOMAIN_EVENT_STOPPED_MIGRATED: self = .migrated
    case VIR_DOMAIN_EVENT_STOPPED_SAVED: self = .saved
    case VIR_DOMAIN_EVENT_STOPPED_FAILED: self = .failed
    default: self = .other
    }
  }
}

extension NetworkChange {
  init(event: Int32) {
    switch virNetworkEventLifecycleType(UInt32(bitPattern: event)) {
    case VIR_NETWORK_EVENT_DEFINED: self = .defined
    case VIR_NETWORK_EVENT_UNDEFINED: self = .undefined
    case VIR_NETWORK_EVENT_STARTED: self = .started
    case VIR_NETWORK_EVENT_STOPPED: self = .stopped
    default: self = .other(event)
    }
  }
}

extension CloseReason {
  init(reason: Int32) {
    switch virConnectCloseReason(UInt32(bitPattern: reason)) {
    case VIR_CONNECT_CLOSE_REASON_EOF: self = .endOfFile
    case VIR_CONNECT_CLOSE_REASON_KEEPALIVE: self = .keepalive
    case VIR_CONNECT_CLOSE_REASON_CLIENT: self = .client
    default: self = .error
    }
  }
}
