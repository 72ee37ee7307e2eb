import PoolModel

/// Where in the store a fleet's records are.
///
/// | key | record | goes with |
/// |---|---|---|
/// | `hosts/HOST` | `HostRecord` | the host's lease |
/// | `bindings/MAC` | `BindingRecord` | |
/// | `guests/UUID/MAC`, `names/NAME/MAC` | nothing: indexes of `bindings` | |
/// | `owned/HOST/MAC` | the id of the host's ledger: an index of `bindings` | |
/// | `unbound/MAC/SINCE` | `UnboundRecord` of the binding that was made then, in ms since 1970, 0 = unknown | a lease of `UnboundRecord.days` |
/// | `forgotten/HOST` | `ForgottenRecord`, until the host is back | |
/// | `fences/HOST` | nothing: moved so that what the host got no answer to can't be done any more | the host's lease |
/// | `live/MAC/HOST` | `LiveRecord` | the host's lease |
/// | `runners/GUEST/MAC` | nothing: an index of `live`, by name and by UUID, of MACs that aren't bound | the host's lease |
/// | `pools/POOL/HOST` | `PoolRecord` | the host's lease |
/// | `conflicts/MAC/HOST` | `BindingRecord`: a younger binding that gave way | |
/// | `clashes/MAC/HOST` | `ClashRecord`: HOST's guest isn't the only live one | the finder's lease |
/// | `netdefs/POOL` | `NetdefRecord` | |
/// | `applied/POOL/HOST` | `AppliedRecord` | |
/// | `requests/ID` | `RequestRecord` | the request's lease |
/// | `answers/ID/HOST` | `AnswerRecord` | the request's lease |
public struct FleetKeys: Hashable, Sendable {
  /// Ends with a slash.
  public let prefix: String

  /// `prefix`: with or without a slash at its end.
  public init(prefix: String = "/vfpool/") { self.prefix = (prefix.hasSuffix("/") ? prefix : prefix + "/") + "v1/" }

  public enum Kind: String, CaseIterable, Sendable {
    case hosts, bindings, guests, names, owned, unbound, forgotten, fences, live, pools, conflicts, clashes, netdefs
    case runners, applied, requests, answers
  }

  public func all(_ kind: Kind) -> String { "\(prefix)\(kind.rawValue)/" }
  /// All keys of a kind whose first word is `word`.
  public func all(_ kind: Kind, of word: String) -> String { "\(all(kind))\(word)/" }

  public func host(_ name: String) -> String { all(.hosts) + name }
  public func binding(_ mac: MACAddress) -> String { all(.bindings) + mac.description }
  public func byGuest(_ uuid: String, _ mac: MACAddress) -> String { all(.guests, of: uuid) + mac.description }
  public func byName(_ name: String, _ mac: MACAddress) -> String { all(.names, of: name) + mac.description }
  public func owned(_ host: String, _ mac: MACAddress) -> String { all(.owned, of: host) + mac.description }
  public func unbound(_ mac: MACAddress, since: Timestamp?) -> String {
    all(.unbound, of: mac.description) + "\(since?.milliseconds ?? 0)"
  }
  public func forgotten(_ host: String) -> String { all(.forgotten) + host }
  public func fence(_ host: String) -> String { all(.fences) + host }
  public func live(_ mac: MACAddress, _ host: String) -> String { all(.live, of: mac.description) + host }
  public func runner(_ guest: String, _ mac: MACAddress) -> String { all(.runners, of: guest) + mac.description }
  public func pool(_ pool: String, _ host: String) -> String { all(.pools, of: pool) + host }
  public func conflict(_ mac: MACAddress, _ host: String) -> String { all(.conflicts, of: mac.description) + host }
  public func clash(_ mac: MACAddress, _ host: String) -> String { all(.clashes, of: mac.description) + host }
  public func netdef(_ pool: String) -> String { all(.netdefs) + pool }
  public func applied(_ pool: String, _ host: String) -> String { all(.applied, of: pool) + host }
  public func request(_ id: String) -> String { all(.requests) + id }
  public func answer(_ id: String, _ host: String) -> String { all(.answers, of: id) + host }

  /// What a key is of; nil: none of these.
  public func parse(_ key: String) -> (kind: Kind, words: [String])? {
    guard key.hasPrefix(prefix) else { return nil }
    let parts = key.dropFirst(prefix.count).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])) else { return nil }
    switch kind {
    case .hosts, .bindings, .netdefs, .requests, .forgotten, .fences: return (kind, [String(parts[1])])
    default:
      // Names may have slashes; the last word never has.
      guard let slash = parts[1].lastIndex(of: "/") else { return nil }
      return (kind, [String(parts[1][..<slash]), String(parts[1][parts[1].index(after: slash)...])])
    }
  }
}
