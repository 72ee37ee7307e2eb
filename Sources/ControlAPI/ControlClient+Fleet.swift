import PoolModel

/// The routes of the fleet; each throws `ControlClientError`.
extension ControlClient {
  public func fleetStatus() throws(ControlClientError) -> FleetStatusReport { try get(Route.fleetStatus) }
  public func fleetHosts() throws(ControlClientError) -> [FleetHostRow] { try get(Route.fleetHosts) }

  public func fleetFind(mac: MACAddress) throws(ControlClientError) -> [FleetFoundRow] {
    var query = Query()
    query.add("mac", mac)
    return try get(Route.fleetFind, query)
  }

  /// By name or UUID.
  public func fleetFind(guest: String) throws(ControlClientError) -> [FleetFoundRow] {
    var query = Query()
    query.add("guest", guest)
    return try get(Route.fleetFind, query)
  }

  public func fleetPlace(pool: String, count: Int) throws(ControlClientError) -> [FleetPlaceRow] {
    var query = Query()
    query.add("pool", pool)
    query.add("count", count)
    return try get(Route.fleetPlace, query)
  }

  /// What each host would do; waits up to half a minute for those that don't answer.
  public func fleetPlan(_ wanted: FleetApplication) throws(ControlClientError) -> FleetPlanReport {
    try send("POST", Route.fleetPlan, body: Array(JSONText(wanted).compact.utf8), timeout: nil)
  }

  public func fleetApply(_ wanted: FleetApplication) throws(ControlClientError) -> FleetPlanReport {
    try send("POST", Route.fleetApply, body: Array(JSONText(wanted).compact.utf8), timeout: nil)
  }

  /// Returns the netdefs that are left.
  public func fleetForget(pool: String) throws(ControlClientError) -> [FleetNetdefRow] {
    var query = Query()
    query.add("pool", pool)
    return try send("POST", Route.fleetForget, query)
  }

  /// Returns what the host had bound.
  public func fleetForget(host: String) throws(ControlClientError) -> [FleetFoundRow] {
    var query = Query()
    query.add("host", host)
    return try send("POST", Route.fleetForgetHost, query)
  }

  /// Gives `take` each event of the fleet as it comes; returns when vfpoold ends, or loses the fleet.
  public func watchFleet(_ take: ([EventReader.Message]) -> Void) throws(ControlClientError) {
    try watch(Route.fleetEvents, after: nil, take)
  }
}
