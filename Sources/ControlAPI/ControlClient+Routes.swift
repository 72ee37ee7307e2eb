import PoolModel

/// One method a route; each throws `ControlClientError`.
extension ControlClient {
  public func status() throws(ControlClientError) -> StatusReport { try get(Route.status) }
  public func pfs() throws(ControlClientError) -> [PFRow] { try get(Route.pfs) }

  /// Gives a PF `count` VFs; takes minutes on some cards.
  public func setVFs(
    pf: String, count: Int, plan: Bool = false, ifPlan: String? = nil
  ) throws(ControlClientError) -> PlanReport {
    var query = planned(plan, ifPlan)
    query.add("pf", pf)
    query.add("count", count)
    return try send("POST", Route.pfSetVFs, query, timeout: nil)
  }

  /// The VFs of one PF; nil = of all. With `counters` also what they have sent and received.
  public func vfs(pf: String? = nil, counters: Bool = false) throws(ControlClientError) -> [VFRow] {
    try get(Route.vfs, vfQuery(pf, counters))
  }

  /// The same as vfpoold wrote it: indented JSON in UTF-8.
  public func vfsJSON(pf: String? = nil, counters: Bool = false) throws(ControlClientError) -> [UInt8] {
    try read(Route.vfs, vfQuery(pf, counters))
  }

  /// What `vfsJSON` returned, as rows.
  public func vfs(json: [UInt8]) throws(ControlClientError) -> [VFRow] { try decode(json, "GET \(Route.vfs)") }

  private func vfQuery(_ pf: String?, _ counters: Bool) -> Query {
    var query = Query()
    query.add("pf", pf)
    if counters { query.add("counters", true) }
    return query
  }

  /// Writes to VFs, named `enp1s0/3`, `enp1s0/0-6`, `enp1s0/*` or by PCI address; returns what stands there afterwards.
  public func set(vfs: [String], _ change: VFChange) throws(ControlClientError) -> [VFRow] {
    var query = Query()
    for vf in vfs { query.add("vf", vf) }
    return try send("PATCH", Route.vfs, query, body: Array(JSONText(change).compact.utf8), timeout: nil)
  }

  /// Brings a VF back to its baseline; `disrupt` names running guests that may be disturbed.
  public func reset(vf: String, disrupt: [String] = []) throws(ControlClientError) -> VFRow {
    var query = Query()
    query.add("vf", vf)
    for guest in disrupt { query.add("disrupt", guest) }
    return try send("POST", Route.vfReset, query)
  }

  public func unquarantine(vf: String) throws(ControlClientError) -> VFRow {
    var query = Query()
    query.add("vf", vf)
    return try send("POST", Route.vfUnquarantine, query)
  }

  public func pools() throws(ControlClientError) -> [PoolRow] { try get(Route.pools) }
  public func pool(_ name: String) throws(ControlClientError) -> PoolDetail { try get(Route.poolDetail, pool(name)) }

  /// The pool's netdef, as libvirt XML.
  public func netdef(pool name: String) throws(ControlClientError) -> String {
    String(decoding: try read(Route.poolNetdef, pool(name)), as: UTF8.self)
  }

  /// Makes or changes the pool that `netdef` describes; `file` is its name for messages. Takes as long as it takes.
  public func apply(
    netdef: [UInt8], file: String, plan: Bool = false, ifPlan: String? = nil
  ) throws(ControlClientError) -> PlanReport {
    var query = planned(plan, ifPlan)
    query.add("file", file)
    return try send("POST", Route.poolApply, query, body: netdef, type: "application/xml", timeout: nil)
  }

  public func enforce(
    pool name: String, plan: Bool = false, ifPlan: String? = nil
  ) throws(ControlClientError) -> PlanReport {
    try send("POST", Route.poolEnforce, pool(name, planned(plan, ifPlan)), timeout: nil)
  }

  public func start(pool name: String) throws(ControlClientError) -> PlanReport {
    try send("POST", Route.poolStart, pool(name), timeout: nil)
  }

  public func stop(pool name: String) throws(ControlClientError) -> PlanReport {
    try send("POST", Route.poolStop, pool(name), timeout: nil)
  }

  public func remove(
    pool name: String, plan: Bool = false, ifPlan: String? = nil
  ) throws(ControlClientError) -> PlanReport {
    try send("POST", Route.poolRemove, pool(name, planned(plan, ifPlan)), timeout: nil)
  }

  public func leases() throws(ControlClientError) -> [LeaseRow] { try get(Route.leases) }

  /// Closed leases, newest first.
  public func history(_ filter: HistoryFilter) throws(ControlClientError) -> [LeaseRow] {
    var query = Query()
    query.add("mac", filter.mac)
    query.add("guest", filter.guest)
    query.add("vf", filter.vf)
    query.add("pool", filter.pool)
    query.add("at", filter.at)
    query.add("limit", filter.limit)
    return try get(Route.leaseHistory, query)
  }

  public func macs() throws(ControlClientError) -> [MACRow] { try get(Route.macs) }

  public func reconcile(plan: Bool = false) throws(ControlClientError) -> PlanReport {
    try send("POST", Route.reconcile, planned(plan, nil), timeout: nil)
  }

  /// Drops every hold, so that libvirt has all free VFs to itself; leases go on.
  public func disable() throws(ControlClientError) -> PlanReport { try send("POST", Route.disable) }

  private func pool(_ name: String, _ query: Query = Query()) -> Query {
    var query = query
    query.add("pool", name)
    return query
  }

  private func planned(_ plan: Bool, _ ifPlan: String?) -> Query {
    var query = Query()
    if plan { query.add("plan", true) }
    query.add("ifPlan", ifPlan)
    return query
  }
}
