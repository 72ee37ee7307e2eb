/// One thing that a changed netdef changes of a pool, and when that takes effect.
public struct PoolChange: Hashable, Codable, Sendable {
  public enum Effect: String, Codable, Sendable {
    /// At once, for whoever starts from then on.
    case now
    /// Running guests go on as they are until their next start.
    case nextStart
    /// Running guests would lose their VF: it is refused until they are stopped.
    case guestsStopped
  }

  /// In words: `maxTxRate 500 becomes 800`.
  public var what: String
  public var effect: Effect
  /// Whether libvirt must start the network anew for it. Running guests keep their VFs over that.
  public var restartsNetwork: Bool
  /// The running guests that `effect` is about, by name.
  public var guests: [String]

  public init(_ what: String, _ effect: Effect, restartsNetwork: Bool = false, guests: [String] = []) {
    self.what = what
    self.effect = effect
    self.restartsNetwork = restartsNetwork
    self.guests = guests
  }

  /// Whether guests are in its way.
  public var isBlocked: Bool { effect == .guestsStopped && !guests.isEmpty }
}

extension PoolChange: CustomStringConvertible {
  /// `maxTxRate 500 becomes 800: for web, db at their next start, for others now`
  public var description: String {
    let names = guests.joined(separator: ", ")
    let way = restartsNetwork ? ", by a restart of the network" : ""
    return switch effect {
    case .guestsStopped where isBlocked: "\(what): not before \(names) \(guests.count == 1 ? "is" : "are") stopped"
    case .nextStart where !guests.isEmpty:
      "\(what): for \(names) at \(guests.count == 1 ? "its" : "their") next start, for others now\(way)"
    case .now, .nextStart, .guestsStopped: "\(what): now\(way)"
    }
  }
}

extension KeyedDecodingContainer {
  /// Plans of what is no pool have none.
  public func decode(_ type: [PoolChange].Type, forKey key: Key) throws -> [PoolChange] {
    try decodeIfPresent(type, forKey: key) ?? []
  }
}
