import PoolModel

/// What libvirt writes to a network hook's standard input: `<hookData>` with the network and, where the operation is
/// about one, its port.
public struct NetworkHookInput: Hashable, Sendable {
  public var networkName: String
  /// Lower case with dashes.
  public var networkUUID: String?
  /// Nil for operations on the whole network (`start`, `started`, `stopped`, `updated`).
  public var port: NetworkPort?

  public init(networkName: String, networkUUID: String?, port: NetworkPort?) {
    self.networkName = networkName
    self.networkUUID = networkUUID
    self.port = port
  }

  public init(xml: String) throws(XMLProblem) { try self.init(bytes: xml.utf8) }

  /// Reads the bytes as they came; at most `XMLTree.libvirtLimit`.
  public init(bytes: some Collection<UInt8>) throws(XMLProblem) {
    let root = try XMLTree(bytes: bytes, limit: XMLTree.libvirtLimit).root
    guard root.name == "hookData", let network = root.child("network"),
      let name = network.child("name")?.text, !name.isEmpty
    else { throw XMLProblem(.refused, line: root.line, "not a network hook's <hookData> with a named <network>") }
    var port: NetworkPort?
    if let element = root.child("networkport") { port = try NetworkPort(element) }
    self.init(
      networkName: name, networkUUID: network.child("uuid").flatMap { canonicalUUID($0.text) }, port: port)
  }
}
