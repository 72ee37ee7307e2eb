/// A VF as people write it: `enp1s0/3`, by any name of its PF, or `0000:01:10.0`.
public enum VFName: Hashable, Sendable {
  case place(VFIndex)
  case address(PCIAddress)
}

extension VFName: LosslessStringConvertible {
  /// Nil for anything else; whether there is such a VF is for the inventory to say.
  public init?(_ text: String) {
    if let pci = PCIAddress(text) {
      self = .address(pci)
      return
    }
    guard let slash = text.lastIndex(of: "/"), slash != text.startIndex,
      let index = Int(text[text.index(after: slash)...]), index >= 0
    else { return nil }
    self = .place(VFIndex(pf: String(text[..<slash]), index: index))
  }

  public var description: String {
    switch self {
    case .place(let place): "\(place)"
    case .address(let pci): "\(pci)"
    }
  }
}

extension VFName: TextCoded {
  public static var shape: String { "a VF like enp1s0/3 or 0000:01:10.0" }
}
