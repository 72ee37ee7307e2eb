import PoolModel

/// Something that happened, as `vfpool watch --json` prints it and `GET /v1/events` sends it.
public struct EventRow: Codable, Hashable, Sendable {
  /// Grows from event to event; for the header `Last-Event-ID`.
  public var id: Int64
  public var time: Timestamp
  /// `leaseOpened`, `leaseActive`, `leaseClosed`, `drift` (not repaired), `repaired`, `quarantined`, `unquarantined`,
  /// `carrierLost`, `carrierBack`, `refused`, `poolSaved`, `poolRemoved`, `macBound`, `macUnbound`, `libvirtConnected`,
  /// `libvirtLost`, `ledgerFailed`; `lost`: there were events that this stream doesn't have.
  public var kind: String
  /// In words; may have several lines.
  public var message: String
  @OrNull public var pool: String?
  @OrNull public var guest: String?
  @OrNull public var guestUUID: String?
  @OrNull public var mac: MACAddress?
  @OrNull public var pf: String?
  @OrNull public var index: Int?
  @OrNull public var pci: PCIAddress?
  @OrNull public var lease: Int64?
  /// Of a drift and its repair the kind; of a refusal `noFreeVF`, `quota`, `startsUnderWay`, `macConflict`, `vfTaken`; why a
  /// lease was closed or a VF quarantined, in words.
  @OrNull public var reason: String?

  public init(
    id: Int64, time: Timestamp, kind: String, message: String, pool: String? = nil, guest: GuestID? = nil,
    mac: MACAddress? = nil, pf: String? = nil, index: Int? = nil, pci: PCIAddress? = nil, lease: Int64? = nil,
    reason: String? = nil
  ) {
    self.id = id
    self.time = time
    self.kind = kind
    self.message = message
    _pool = OrNull(wrappedValue: pool)
    _guest = OrNull(wrappedValue: guest?.name)
    _guestUUID = OrNull(wrappedValue: guest?.uuid)
    _mac = OrNull(wrappedValue: mac)
    _pf = OrNull(wrappedValue: pf)
    _index = OrNull(wrappedValue: index)
    _pci = OrNull(wrappedValue: pci)
    _lease = OrNull(wrappedValue: lease)
    _reason = OrNull(wrappedValue: reason)
  }
}
