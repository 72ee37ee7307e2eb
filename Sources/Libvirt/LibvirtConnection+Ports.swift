extension LibvirtConnection {
  /// The XML of each port of an active network; a port that vanishes while they are read is left out.
  public func portXMLs(ofNetwork name: String) throws(LibvirtError) -> [String] {
    try withNetwork(name, "list the ports of") { (network) throws(LibvirtError) in try network.portXMLs() }
  }

  /// Makes a port from its XML (`virsh net-port-create`).
  ///
  /// - Parameters:
  ///   - xml: names the UUID, the owner with its UUID, and the MAC; with `reclaim` also the device.
  ///   - network: the name of an active network.
  ///   - reclaim: the port claims the very device of its `<plug>` instead of being given one; if another port has that,
  ///     the error is `deviceInUse`.
  /// - Returns: the port's UUID.
  /// - Throws: also `networkPortExists` when the network has a port of that UUID.
  @discardableResult
  public func createPort(xml: String, network: String, reclaim: Bool) throws(LibvirtError) -> String {
    try withNetwork(network, "create a port of") { (handle) throws(LibvirtError) in
      try handle.createPort(xml: xml, reclaim: reclaim)
    }
  }

  /// Deletes a port and frees its device; a port that is gone already is `noNetworkPort`.
  public func deletePort(uuid: String, network: String) throws(LibvirtError) {
    try withNetwork(network, "delete port \(uuid) of") { (handle) throws(LibvirtError) in
      try handle.deletePort(uuid: uuid)
    }
  }
}
