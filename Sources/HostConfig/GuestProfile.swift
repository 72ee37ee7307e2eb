import Sysfs

/// AppArmor's rules for every guest, where a host has them.
///
/// libvirt's helper writes a profile for each guest, and names in it the VFs of `<hostdev>` and
/// `<interface type='hostdev'>`, but not the one that a network hands out: such a guest may not open its VF
/// (“/dev/vfio/9: Permission denied”), and does not start.
public struct GuestProfile: Sendable {
  /// Before every path; empty but in tests.
  public let root: String

  public init(root: String = "") { self.root = root }

  /// What the profiles of all guests include.
  public var abstraction: String { "\(root)/etc/apparmor.d/abstractions/libvirt-qemu" }
  /// The admin's additions to it.
  public var path: String { "\(root)/etc/apparmor.d/local/abstractions/libvirt-qemu" }

  /// Whether AppArmor keeps guests from opening the VFs of pools: it has rules for guests, and none that allows it.
  public var forbidsVFs: Bool {
    FileAccess.exists(abstraction)
      && !(text ?? "").split(separator: "\n").contains { $0.drop(while: \.isWhitespace).hasPrefix("/dev/vfio/") }
  }

  /// What the admin added; nil = nothing, or it can't be read.
  public var text: String? { try? FileAccess.read(path) }
}
