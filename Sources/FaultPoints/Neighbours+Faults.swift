import PoolFlows

extension PoolManager.Neighbours {
  /// The same neighbours with a fault point before and after each call.
  public func withFaults(_ check: @escaping FaultCheck) -> PoolManager.Neighbours {
    var neighbours = self
    neighbours.links = FaultyLinks(inner: links, check: check)
    neighbours.networks = FaultyNetworks(inner: networks, check: check)
    neighbours.guests = FaultyGuests(inner: guests, check: check)
    neighbours.devices = FaultyDevices(inner: devices, check: check)
    neighbours.ledger = FaultyLedger(inner: ledger, check: check)
    return neighbours
  }
}

/// A neighbour whose calls have fault points around them.
protocol Faulty {
  var check: FaultCheck { get }
}

extension Faulty {
  func around<T>(_ call: FaultPoint.Call, _ body: () async throws -> T) async throws -> T {
    try check(FaultPoint(call, .before))
    let answer = try await body()
    try check(FaultPoint(call, .after))
    return answer
  }

  /// For a call that can't fail: `nothing` is what it answers instead.
  func around<T>(_ call: FaultPoint.Call, nothing: T, _ body: () async -> T) async -> T {
    (try? await around(call) { await body() }) ?? nothing
  }
}
