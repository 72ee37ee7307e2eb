import PoolModel

/// Which NIC is to keep which MAC.
public struct MACRequest: Hashable, Sendable {
  /// The guest's name, or its UUID.
  public var guest: String
  /// The guest's UUID where its name is given, too; a guest that is defined under that name goes before it.
  public var guestUUID: String?
  public var nic: NICName
  /// Nil: the one that the NIC has by binding or definition, else a new one.
  public var mac: MACAddress?

  public init(guest: String, guestUUID: String? = nil, nic: NICName, mac: MACAddress?) {
    self.guest = guest
    self.guestUUID = guestUUID
    self.nic = nic
    self.mac = mac
  }
}

/// One request of an import, or why its line is none.
public struct MACImportEntry: Sendable {
  /// Counted from 1.
  public var line: Int
  public var request: Result<MACRequest, FlowError>

  public init(line: Int, request: Result<MACRequest, FlowError>) {
    self.line = line
    self.request = request
  }
}

/// A MAC that was bound.
public struct MACOutcome: Hashable, Sendable {
  public var binding: MACBinding
  /// What to know, in words.
  public var notes: [String]
}
