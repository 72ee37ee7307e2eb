import LibvirtXML
import PoolModel

/// A PCI device, as the CLI and other readers see it.
public struct DeviceView: Hashable, Sendable {
  public var device: PCIDevice
  /// Nil where pci.ids has no name, or isn't installed.
  public var className: String?
  public var vendorName: String?
  public var deviceName: String?
  /// Where a VF is on its card.
  public var vf: VFIndex?
  /// The pool that a VF is in.
  public var pool: String?
  /// The running guest that has it.
  public var guest: String?
  /// What speaks against detaching it now.
  public var obstacles: [DeviceObstacle]
}

/// One reason why something must not be done to a device.
public struct DeviceObstacle: Hashable, Sendable {
  /// Goes on from “it”: `has 7 VFs`.
  public var reason: String
  /// What to do about it: `remove them first: vfpool pf set-vfs enp1s0 0`; nil = nothing can be done.
  public var wayOut: String?

  public init(_ reason: String, _ wayOut: String? = nil) {
    self.reason = reason
    self.wayOut = wayOut
  }

  /// `it has 7 VFs, which would go; remove them first: vfpool pf set-vfs enp1s0 0`
  var words: String { "it \(reason)" + (wayOut.map { "; \($0)" } ?? "") }
}

/// A device with all that is known of it.
public struct DeviceDetail: Hashable, Sendable {
  public var view: DeviceView
  /// The others of its IOMMU group.
  public var companions: [DeviceView]
  /// Nil = libvirt doesn't know it, or isn't there.
  public var facts: NodeDevice?
  /// What to know before it is given to a guest, in words.
  public var notes: [String]
}

/// What became of a device that was to be changed.
public struct DeviceOutcome: Hashable, Sendable {
  /// As it is afterwards.
  public var view: DeviceView
  /// In words: `is on vfio-pci now, was on igbvf`.
  public var done: String
  /// What to know, in words.
  public var notes: [String]
}
