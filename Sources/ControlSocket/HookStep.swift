/// A step of a guest's or network's life at which libvirt's hook asks vfpoold.
public enum HookStep: String, Hashable, Sendable, CaseIterable {
  /// qemu `prepare begin`: nothing has happened yet.
  case prepare
  /// qemu `start begin`: libvirt has set MAC and VLAN and bound the VF.
  case start
  /// qemu `migrate begin`: the guest is about to come from another host.
  case migrate
  /// qemu `release end`: all is done.
  case release
  /// network `port-created begin`: libvirt has picked the VF.
  case portCreated = "port-created"
  /// network `port-deleted begin`: libvirt has given the VF back.
  case portDeleted = "port-deleted"
  /// A network has started, stopped or changed.
  case network
  /// libvirt's daemon is about to read its configuration anew.
  case reload

  /// How long libvirt is kept waiting at most, in milliseconds, where the configuration doesn't say.
  public var defaultDeadline: Int {
    switch self {
    case .prepare: 2000
    case .start, .release, .portCreated, .portDeleted: 500
    case .network, .reload, .migrate: 200
    }
  }

  /// Whether vfpoold may refuse here: elsewhere libvirt's own state would suffer from a failing hook.
  public var mayRefuse: Bool { self == .prepare || self == .start }
}
