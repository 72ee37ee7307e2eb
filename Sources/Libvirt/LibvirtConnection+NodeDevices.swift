import Clibvirt

/// The host's devices as libvirt knows them, by its names: `pci_0000_01_10_0`. A name that it doesn't know is
/// `noNodeDevice`.
extension LibvirtConnection {
  /// `virsh nodedev-dumpxml`
  public func nodeDeviceXML(_ name: String) throws(LibvirtError) -> String {
    try withNodeDevice(name, "find") { (device, subject) throws(LibvirtError) in
      try takeString(virNodeDeviceGetXMLDesc(device, 0), "read the XML of", subject)
    }
  }

  /// Takes a PCI device from its driver and binds it to vfio-pci (`virsh nodedev-detach`); returns when that is done.
  ///
  /// Refused while a guest of libvirt's has the device.
  public func detachNodeDevice(_ name: String) throws(LibvirtError) {
    try withNodeDevice(name, "detach") { (device, subject) throws(LibvirtError) in
      try check(virNodeDeviceDetachFlags(device, nil, 0), "detach", subject)
    }
  }

  /// Gives a PCI device back to the host's driver (`virsh nodedev-reattach`); that may still be loading afterwards.
  ///
  /// Refused while a guest of libvirt's has the device.
  public func reattachNodeDevice(_ name: String) throws(LibvirtError) {
    try withNodeDevice(name, "reattach") { (device, subject) throws(LibvirtError) in
      try check(virNodeDeviceReAttach(device), "reattach", subject)
    }
  }

  /// Resets a PCI device (`virsh nodedev-reset`).
  ///
  /// libvirt returns without doing anything for a device on vfio-pci, and for one that can reset a single function
  /// (FLR): that happens when a guest starts.
  public func resetNodeDevice(_ name: String) throws(LibvirtError) {
    try withNodeDevice(name, "reset") { (device, subject) throws(LibvirtError) in
      try check(virNodeDeviceReset(device), "reset", subject)
    }
  }

  private func withNodeDevice<Result>(
    _ name: String, _ operation: String, _ body: (OpaquePointer, String) throws(LibvirtError) -> Result
  ) throws(LibvirtError) -> Result {
    let subject = "device '\(name)'"
    return try call(operation, subject) { (connection) throws(LibvirtError) in
      guard let device = virNodeDeviceLookupByName(connection, name) else { throw .last("find", subject) }
      defer { virNodeDeviceFree(device) }
      return try body(device, subject)
    }
  }
}
