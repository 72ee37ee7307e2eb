/// To whom a pool's VF belongs now, and so whether it can be handed out.
public enum VFStanding: Hashable, Sendable {
  case free
  case leased(Lease)
  /// Kept for someone, in words.
  case reserved(String)
  case quarantined(Quarantine)
  /// The host uses it itself, in words how.
  case hostUsed(String)
  /// libvirt has a port on it that is no lease of ours; the owner's name.
  case foreign(String)
  /// The pool lists it, the host doesn't have it.
  case gone

  /// Why a NIC can't have this VF, in words; nil = it can.
  public var obstacle: String? {
    switch self {
    case .free: nil
    case .leased(let lease): "leased to guest \(lease.guest.name) (\(lease.mac)) since \(lease.since)"
    case .reserved(let why): "reserved: \(why)"
    case .quarantined(let quarantine): "quarantined: \(quarantine.why)"
    case .hostUsed(let how): "used by the host: \(how)"
    case .foreign(let owner): "taken in libvirt by \(owner)"
    case .gone: "not there: its PF has fewer VFs"
    }
  }

  /// Which of the cases it is.
  public enum Kind: Hashable, Sendable, CaseIterable {
    case free, leased, reserved, quarantined, hostUsed, foreign, gone
  }

  public var kind: Kind {
    switch self {
    case .free: .free
    case .leased: .leased
    case .reserved: .reserved
    case .quarantined: .quarantined
    case .hostUsed: .hostUsed
    case .foreign: .foreign
    case .gone: .gone
    }
  }
}
