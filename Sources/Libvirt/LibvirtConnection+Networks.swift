import Clibvirt

extension LibvirtConnection {
  /// Every network, active or not; one that vanishes while they are read is left out.
  public func networks() throws(LibvirtError) -> [NetworkRecord] {
    try call("list", "networks") { (connection) throws(LibvirtError) in
      var records: [NetworkRecord] = []
      try allNetworks(on: connection).forEach { (pointer) throws(LibvirtError) in
        virNetworkRef(pointer)
        do throws(LibvirtError) {
          records.append(try NetworkHandle(owning: pointer).record())
        } catch  where error.code == .noNetwork {}
      }
      return records
    }
  }

  /// The name of every network, active or not.
  public func networkNames() throws(LibvirtError) -> [String] {
    try call("list", "networks") { (connection) throws(LibvirtError) in
      var names: [String] = []
      try allNetworks(on: connection).forEach { pointer in
        if let name = virNetworkGetName(pointer) { names.append(String(cString: name)) }
      }
      return names
    }
  }

  public func network(named name: String) throws(LibvirtError) -> NetworkRecord {
    try withNetwork(name, "find") { (network) throws(LibvirtError) in try network.record() }
  }

  /// Defines a persistent network, or changes the definition of the one with the same name and UUID
  /// (`virsh net-define`); an active one goes on as it is.
  ///
  /// - Returns: its UUID.
  @discardableResult
  public func defineNetwork(xml: String) throws(LibvirtError) -> String {
    try call("define", "network") { (connection) throws(LibvirtError) in
      try NetworkHandle(defining: xml, on: connection).uuid()
    }
  }

  /// Whether the network starts with the host.
  public func setAutostart(_ on: Bool, network name: String) throws(LibvirtError) {
    try withNetwork(name, "set the autostart flag of") { (network) throws(LibvirtError) in
      try network.setAutostart(on)
    }
  }

  /// Starts a defined network (`virsh net-start`); an active one is `operationInvalid`.
  public func startNetwork(_ name: String) throws(LibvirtError) {
    try withNetwork(name, "start") { (network) throws(LibvirtError) in try network.start() }
  }

  /// Stops a network (`virsh net-destroy`): its ports are lost, without a port-deleted hook. An inactive one is
  /// `operationInvalid`.
  public func stopNetwork(_ name: String) throws(LibvirtError) {
    try withNetwork(name, "stop") { (network) throws(LibvirtError) in try network.stop() }
  }

  /// Removes the definition; an active network lives on as a transient one.
  public func undefineNetwork(_ name: String) throws(LibvirtError) {
    try withNetwork(name, "undefine") { (network) throws(LibvirtError) in try network.undefine() }
  }

  /// Updates a live network to what it is. libvirt then counts none of its devices as in use, whatever ports there are.
  public func touchNetwork(_ name: String) throws(LibvirtError) {
    try withNetwork(name, "update") { (network) throws(LibvirtError) in try network.touch() }
  }

  private func allNetworks(on connection: OpaquePointer) throws(LibvirtError) -> HandleList {
    var list: UnsafeMutablePointer<OpaquePointer?>?
    let count = virConnectListAllNetworks(connection, &list, 0)
    if count < 0 { throw .last("list", "networks") }
    return HandleList(list, count: Int(count), free: virNetworkFree)
  }

  func withNetwork<Result>(
    _ name: String, _ operation: String, _ body: (borrowing NetworkHandle) throws(LibvirtError) -> Result
  ) throws(LibvirtError) -> Result {
    try call(operation, "network '\(name)'") { (connection) throws(LibvirtError) in
      let network = try NetworkHandle(named: name, on: connection)
      return try body(network)
    }
  }
}
