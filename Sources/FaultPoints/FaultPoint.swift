/// A place where vfpoold can be made to fail: right before or right after a call to one of its neighbours.
///
/// As text `networks.claim/after`. After a call its effect is there, and its answer is lost.
public struct FaultPoint: Hashable, Sendable, CustomStringConvertible {
  public enum Moment: String, Hashable, Sendable, CaseIterable { case before, after }

  /// Every call that the flows make to ledger, kernel and libvirt.
  public enum Call: String, Hashable, Sendable, CaseIterable {
    case linksInventory = "links.inventory"
    case linksRead = "links.read"
    case linksStates = "links.states"
    case linksWrite = "links.write"
    case linksSetVFCount = "links.setVFCount"
    case linksResetFunction = "links.resetFunction"
    case linksCountWriters = "links.countWriters"
    case linksSavedCounts = "links.savedCounts"
    case linksSaveOwnCounts = "links.saveOwnCounts"
    case linksDriver = "links.driver"
    case networksHostdevNetworks = "networks.hostdevNetworks"
    case networksNames = "networks.networkNames"
    case networksPorts = "networks.ports"
    case networksClaim = "networks.claim"
    case networksDrop = "networks.drop"
    case networksDefine = "networks.define"
    case networksClearCounts = "networks.clearCounts"
    case networksSetAutostart = "networks.setAutostart"
    case networksStart = "networks.start"
    case networksStop = "networks.stop"
    case networksUndefine = "networks.undefine"
    case guestsRunning = "guests.running"
    case guestsDefinition = "guests.definition"
    case guestsDefined = "guests.defined"
    case guestsSetMACs = "guests.setMACs"
    case guestsAddToDefinition = "guests.addToDefinition"
    case guestsAll = "guests.all"
    case guestsGuest = "guests.guest"
    case guestsAttach = "guests.attach"
    case guestsDetach = "guests.detach"
    case devicesInventory = "devices.inventory"
    case devicesNames = "devices.names"
    case devicesUsers = "devices.users"
    case devicesFacts = "devices.facts"
    case devicesDetach = "devices.detach"
    case devicesReattach = "devices.reattach"
    case devicesReset = "devices.reset"
    case ledgerLoad = "ledger.load"
    case ledgerCommit = "ledger.commit"
    case ledgerHistory = "ledger.history"

    /// Who is called.
    public enum Neighbour: String, Hashable, Sendable { case links, networks, guests, devices, ledger }

    public var neighbour: Neighbour {
      switch self {
      case .linksInventory, .linksRead, .linksStates, .linksWrite, .linksSetVFCount, .linksResetFunction,
        .linksCountWriters, .linksSavedCounts, .linksSaveOwnCounts, .linksDriver:
        .links
      case .networksHostdevNetworks, .networksNames, .networksPorts, .networksClaim, .networksDrop, .networksDefine,
        .networksClearCounts, .networksSetAutostart, .networksStart, .networksStop, .networksUndefine:
        .networks
      case .guestsRunning, .guestsDefinition, .guestsDefined, .guestsSetMACs, .guestsAddToDefinition, .guestsAll,
        .guestsGuest, .guestsAttach, .guestsDetach:
        .guests
      case .devicesInventory, .devicesNames, .devicesUsers, .devicesFacts, .devicesDetach, .devicesReattach,
        .devicesReset:
        .devices
      case .ledgerLoad, .ledgerCommit, .ledgerHistory: .ledger
      }
    }

    /// Whether libvirt answers it.
    public var asksLibvirt: Bool {
      switch neighbour {
      case .networks, .guests: true
      case .devices: self != .devicesInventory && self != .devicesNames && self != .devicesUsers
      case .links, .ledger: false
      }
    }
  }

  public var call: Call
  public var moment: Moment

  public init(_ call: Call, _ moment: Moment) {
    self.call = call
    self.moment = moment
  }

  /// From text as `description` gives it.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let call = Call(rawValue: String(parts[0])), let moment = Moment(rawValue: String(parts[1]))
    else { return nil }
    self.init(call, moment)
  }

  public var description: String { "\(call.rawValue)/\(moment.rawValue)" }
}

/// Called at each point; what it throws, the call throws.
public typealias FaultCheck = @Sendable (FaultPoint) throws -> Void
