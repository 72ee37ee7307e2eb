import LibvirtXML
import PoolModel

/// libvirt's ports by UUID, and which VFs they are on.
struct PortTable {
  /// How many ports a VF has; more than one only while one follows the other.
  private struct Claims {
    var holds = 0
    var guests = 0
  }

  private var byUUID: [String: NetworkPort] = [:]
  private var claims: [PCIAddress: Claims] = [:]

  /// Of two with the same UUID the first counts.
  init(_ ports: [NetworkPort] = []) {
    for port in ports where byUUID[port.uuid] == nil { self[port.uuid] = port }
  }

  subscript(uuid: String) -> NetworkPort? {
    get { byUUID[uuid] }
    set {
      if let old = byUUID[uuid] { count(old, -1) }
      if let newValue { count(newValue, 1) }
      byUUID[uuid] = newValue
    }
  }

  private mutating func count(_ port: NetworkPort, _ step: Int) {
    guard let vf = port.vf else { return }
    var claim = claims[vf] ?? Claims()
    if port.isHold { claim.holds += step } else { claim.guests += step }
    claims[vf] = claim.holds + claim.guests == 0 ? nil : claim
  }

  var values: some Collection<NetworkPort> { byUUID.values }
  var claimedVFs: Set<PCIAddress> { Set(claims.keys) }

  func isClaimed(_ vf: PCIAddress) -> Bool { claims[vf] != nil }

  /// Whether there is a port on a VF that is no hold of ours.
  func hasGuestPort(on vf: PCIAddress) -> Bool { claims[vf].map { $0.guests > 0 } ?? false }

  func guestPort(on vf: PCIAddress) -> NetworkPort? {
    hasGuestPort(on: vf) ? byUUID.values.first { $0.vf == vf && !$0.isHold } : nil
  }
}
