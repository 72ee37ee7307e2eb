/// A network as libvirt has it at one moment.
public struct NetworkRecord: Hashable, Sendable {
  public var name: String
  /// Lower case with dashes.
  public var uuid: String
  public var active: Bool
  public var autostart: Bool
  /// False: it vanishes when it is stopped.
  public var persistent: Bool
  /// Nil when it is inactive.
  public var liveXML: String?
  /// What the next start will use (`virsh net-dumpxml --inactive`); nil for a transient network. Unlike the live XML it
  /// keeps `<pf>` beside the addresses.
  public var inactiveXML: String?

  public init(
    name: String, uuid: String, active: Bool, autostart: Bool, persistent: Bool, liveXML: String?, inactiveXML: String?
  ) {
    self.name = name
    self.uuid = uuid
    self.active = active
    self.autostart = autostart
    self.persistent = persistent
    self.liveXML = liveXML
    self.inactiveXML = inactiveXML
  }
}
