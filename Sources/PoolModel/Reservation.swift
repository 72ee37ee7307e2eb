/// A VF of a pool that is kept for one guest (`<vfpool:reserve guest= vf=/>`): others don't get it, and that guest gets it
/// first.
public struct Reservation: Hashable, Codable, Sendable {
  /// The guest's name, or its UUID in lower case with dashes.
  public var guest: String
  public var vf: VFName

  public init(guest: String, vf: VFName) {
    self.guest = guest
    self.vf = vf
  }

  public func isFor(_ guest: GuestID) -> Bool { self.guest == guest.name || self.guest == guest.uuid }
}

extension KeyedDecodingContainer {
  /// Pools that were written before there were reservations have none.
  public func decode(_ type: [Reservation].Type, forKey key: Key) throws -> [Reservation] {
    try decodeIfPresent(type, forKey: key) ?? []
  }
}
