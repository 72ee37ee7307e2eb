/// The VF that a netdev of a card in switchdev mode stands for.
public struct Representor: Hashable, Sendable {
  /// The PF's number on its card.
  public var pf: Int
  public var vf: Int

  public init(pf: Int, vf: Int) {
    self.pf = pf
    self.vf = vf
  }

  /// Reads `phys_port_name`: `pf0vf3`, behind the controller's number where the card has several: `c1pf0vf3`. Nil for
  /// every other port.
  ///
  /// Source: `__devlink_port_phys_port_name_get` in the kernel's `net/devlink/port.c`.
  public init?(portName: String) {
    let parts = portName.split(separator: "v", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].first == "f", let vf = Int(parts[1].dropFirst()), vf >= 0 else { return nil }
    let head = parts[0].first == "c" ? parts[0].drop { $0 != "p" } : parts[0]
    guard head.hasPrefix("pf"), let pf = Int(head.dropFirst(2)), pf >= 0 else { return nil }
    self.init(pf: pf, vf: vf)
  }
}
