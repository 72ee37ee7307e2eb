import PoolModel

/// A domain of libvirt's at one moment, its XML without secrets.
public struct DomainRecord: Hashable, Sendable {
  public var id: GuestID
  /// Nil = it doesn't run.
  public var liveXML: String?
  /// What its next start will use; nil = it is transient.
  public var inactiveXML: String?

  public init(id: GuestID, liveXML: String?, inactiveXML: String?) {
    self.id = id
    self.liveXML = liveXML
    self.inactiveXML = inactiveXML
  }
}
