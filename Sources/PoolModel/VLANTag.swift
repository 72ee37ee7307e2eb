/// The tag protocol of a VLAN, as `ip link set … vf N vlan V proto P` and libvirt name it.
public enum VLANProtocol: String, Codable, Sendable, CaseIterable {
  case dot1Q = "802.1Q"
  case dot1ad = "802.1ad"
}

/// A VLAN tag that the card puts on a VF's frames.
public struct VLANTag: Hashable, Codable, Sendable {
  /// 1...4094; 0 and 4095 mean “no VLAN” in some drivers and are never stored here.
  public var id: UInt16
  /// Priority (PCP), 0...7.
  public var qos: UInt8
  public var proto: VLANProtocol

  public init(id: UInt16, qos: UInt8 = 0, proto: VLANProtocol = .dot1Q) {
    self.id = id
    self.qos = qos
    self.proto = proto
  }

  /// Whether `id` can be put on the wire.
  public static func isUsable(id: Int) -> Bool { (1...4094).contains(id) }
}
