/// What a VF has sent and received since its driver began to count, as the PF's driver reports it.
///
/// Source: IFLA_VF_STATS_* in the kernel's `include/uapi/linux/if_link.h`; what a driver doesn't count is 0.
public struct VFCounters: Hashable, Codable, Sendable {
  public var rxPackets: UInt64
  public var txPackets: UInt64
  public var rxBytes: UInt64
  public var txBytes: UInt64
  /// Broadcast frames received.
  public var broadcast: UInt64
  /// Multicast frames received.
  public var multicast: UInt64
  public var rxDropped: UInt64
  public var txDropped: UInt64

  public init(
    rxPackets: UInt64 = 0, txPackets: UInt64 = 0, rxBytes: UInt64 = 0, txBytes: UInt64 = 0, broadcast: UInt64 = 0,
    multicast: UInt64 = 0, rxDropped: UInt64 = 0, txDropped: UInt64 = 0
  ) {
    self.rxPackets = rxPackets
    self.txPackets = txPackets
    self.rxBytes = rxBytes
    self.txBytes = txBytes
    self.broadcast = broadcast
    self.multicast = multicast
    self.rxDropped = rxDropped
    self.txDropped = txDropped
  }
}
