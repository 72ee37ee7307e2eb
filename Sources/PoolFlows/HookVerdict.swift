/// What the hook tells libvirt.
public enum HookVerdict: Hashable, Sendable {
  case go
  /// libvirt shows its text to whoever started the guest.
  case refuse(Refusal)
}

/// When libvirt stops waiting for a hook; a flow that is still busy then must not act as if libvirt waited.
public struct HookDeadline: Sendable {
  public let instant: ContinuousClock.Instant

  public init(in duration: Duration) { instant = .now + duration }

  public var isOver: Bool { ContinuousClock.now >= instant }
  public var left: Duration { ContinuousClock.now.duration(to: instant) }
}
