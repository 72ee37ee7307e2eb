import Allocator
import PoolModel

/// A start or an attachment that vfpool's policy forbids.
public struct Refusal: Error, Hashable, Sendable {
  public var reason: RefusalReason
  public var pool: String
  public var guest: GuestID
  /// For whoever started the guest: what is in the way, and the way out.
  public var text: String

  init(_ reason: RefusalReason, pool: String, guest: GuestID, _ text: String) {
    self.reason = reason
    self.pool = pool
    self.guest = guest
    self.text = text
  }

  init(_ refusal: PlacementRefusal) {
    let reason: RefusalReason =
      switch refusal.shortage {
      case .quota: .quota
      case .othersUnderWay: .startsUnderWay
      case .tooFew: .noFreeVF
      }
    self.init(reason, pool: refusal.pool, guest: refusal.guest, "\(refusal)")
  }
}

public enum RefusalReason: String, Codable, Hashable, Sendable, CaseIterable {
  case noFreeVF
  /// The guest would have more VFs of the pool than one may.
  case quota
  /// Others are being started, and could get only what this guest can do without.
  case startsUnderWay
  /// Another guest has the MAC on the same PF and VLAN.
  case macConflict
  /// The VF that the guest names by its address isn't to be had.
  case vfTaken
}
