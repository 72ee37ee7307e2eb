import ArgumentParser
import PoolModel

extension MACAddress: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension Timestamp: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension NICName: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension VFLinkState: ExpressibleByArgument {}

extension VLANProtocol: ExpressibleByArgument {
  /// Takes `802.1q`, too.
  public init?(argument: String) {
    guard let match = Self.allCases.first(where: { $0.rawValue.lowercased() == argument.lowercased() }) else {
      return nil
    }
    self = match
  }
}

/// `on` or `off`
enum OnOff: String, ExpressibleByArgument, CaseIterable {
  case on, off
}

/// `--vlan`: an id, or none.
enum VLANArgument: Hashable, ExpressibleByArgument {
  case untagged
  case tagged(UInt16)

  init?(argument: String) {
    if argument == "none" || argument == "0" {
      self = .untagged
    } else if let id = Int(argument), VLANTag.isUsable(id: id) {
      self = .tagged(UInt16(id))
    } else {
      return nil
    }
  }
}
