/// What of a guest a change of its devices is about, as `virsh … --live --config`.
public struct GuestScope: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The guest as it runs.
  public static let live = GuestScope(rawValue: 1 << 0)
  /// Its definition, by which it starts the next time.
  public static let config = GuestScope(rawValue: 1 << 1)
}
