import PoolModel

/// One method a route; each throws `ControlClientError`.
extension ControlClient {
  public func status() throws(ControlClientError) -> StatusReport { try get(Route.status) }
  /// Prometheus' text format.
  public func metrics() throws(ControlClientError) -> [UInt8] { try read(Route.metrics) }
  /// The newest `limit` changes that were asked for, since a time, by a user (name or number); nil = any.
  public func audits(since: Timestamp?, user: String?, limit: Int) throws(ControlClientError) -> [AuditRow] {
    var query = Query()
    query.add("since", since.map { "\($0)" })
    query.add("user", user)
    query.add("limit", limit)
    return try get(Route.audit, query)
  }
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

  /// Sets, reads back and restores every attribute of one free VF of a PF.
  public func selfTest(pf: String) throws(ControlClientError) -> SelfTestReport {
    var query = Query()
    query.add("pf", pf)
    return try send("POST", Route.pfSelfTest, query, timeout: nil)
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
    return try send("POST", Route.vfReset, query, timeout: nil)
  }

  public func quarantine(vf: String, why: String) throws(ControlClientError) -> VFRow {
    var query = Query()
    query.add("vf", vf)
    query.add("why", why)
    return try send("POST", Route.vfQuarantine, query)
  }

  public func unquarantine(vf: String) throws(ControlClientError) -> VFRow {
    var query = Query()
    query.add("vf", vf)
    return try send("POST", Route.vfUnquarantine, query, timeout: nil)
  }

  public func pools() throws(ControlClientError) -> [PoolRow] { try get(Route.pools) }
  public func pool(_ name: String) throws(ControlClientError) -> PoolDetail { try get(Route.poolDetail, pool(name)) }

  /// The pool's netdef, as libvirt XML.
  public func netdef(pool name: String) throws(ControlClientError) -> String {
    String(decoding: try read(Route.poolNetdef, pool(name)), as: UTF8.self)
  }

  /// What a start of a defined guest, given by name or UUID, would get of the pool.
  public func explain(pool name: String, guest: String) throws(ControlClientError) -> PlacementReport {
    var query: Query = pool(name)
    query.add("guest", guest)
    return try get(Route.poolExplain, query)
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

  /// Ties a MAC to a NIC of a guest, given by name or UUID; nil = the one that it has, else a new one.
  public func bind(guest: String, nic: NICName, mac: MACAddress?) throws(ControlClientError) -> MACChange {
    var query = Query()
    query.add("guest", guest)
    query.add("nic", nic)
    query.add("mac", mac)
    return try send("POST", Route.macBind, query, timeout: nil)
  }

  /// Forgets the MAC of a NIC; nil = those of all the guest's NICs. Returns what was bound.
  public func unbind(guest: String, nic: NICName?) throws(ControlClientError) -> [MACRow] {
    var query = Query()
    query.add("guest", guest)
    query.add("nic", nic)
    return try send("POST", Route.macUnbind, query)
  }

  /// Binds all MACs of a list, or none.
  public func bind(
    list: [UInt8], plan: Bool = false, ifPlan: String? = nil
  ) throws(ControlClientError) -> PlanReport {
    try send("POST", Route.macImport, planned(plan, ifPlan), body: list, type: "text/plain", timeout: nil)
  }

  public func guests() throws(ControlClientError) -> [GuestRow] { try get(Route.guests) }

  /// Plugs a VF or device into a guest, given by name or UUID.
  public func attach(guest: String, _ what: GuestAttachment) throws(ControlClientError) -> GuestChange {
    try change(guest: guest, Route.guestAttach, what)
  }

  /// Takes a VF or device out of a guest; waits for the guest.
  public func detach(guest: String, _ what: GuestDetachment) throws(ControlClientError) -> GuestChange {
    try change(guest: guest, Route.guestDetach, what)
  }

  private func change(
    guest: String, _ path: String, _ body: some Encodable
  ) throws(ControlClientError) -> GuestChange {
    var query = Query()
    query.add("guest", guest)
    return try send("POST", path, query, body: Array(JSONText(body).compact.utf8), timeout: nil)
  }

  public func devices() throws(ControlClientError) -> [DeviceRow] { try get(Route.devices) }

  /// A device by its PCI address, libvirt's name, PF/INDEX of a VF, or its interface.
  public func device(_ name: String) throws(ControlClientError) -> DeviceReport {
    try get(Route.deviceDetail, named([name]))
  }

  /// Takes devices from their drivers and binds them to vfio-pci.
  public func detach(devices: [String]) throws(ControlClientError) -> [DeviceChange] {
    try send("POST", Route.deviceDetach, named(devices), timeout: nil)
  }

  /// Gives devices back to the host's drivers.
  public func reattach(devices: [String]) throws(ControlClientError) -> [DeviceChange] {
    try send("POST", Route.deviceReattach, named(devices), timeout: nil)
  }

  public func reset(devices: [String]) throws(ControlClientError) -> [DeviceChange] {
    try send("POST", Route.deviceReset, named(devices), timeout: nil)
  }

  /// Compares kernel, libvirt and ledger, and repairs unless `plan`; waits so many milliseconds at most, nil = as long as
  /// it takes.
  public func reconcile(plan: Bool = false, timeout: Int? = nil) throws(ControlClientError) -> PlanReport {
    try send("POST", Route.reconcile, planned(plan, nil), timeout: timeout)
  }

  /// Drops every hold, so that libvirt has all free VFs to itself; leases go on.
  /// Tells that the hooks are being linked, for the audit.
  public func enable() throws(ControlClientError) -> PlanReport { try send("POST", Route.enable) }
  public func disable() throws(ControlClientError) -> PlanReport { try send("POST", Route.disable) }

  private func pool(_ name: String, _ query: Query = Query()) -> Query {
    var query = query
    query.add("pool", name)
    return query
  }

  private func named(_ devices: [String]) -> Query {
    var query = Query()
    for device in devices { query.add("device", device) }
    return query
  }

  private func planned(_ plan: Bool, _ ifPlan: String?) -> Query {
    var query = Query()
    if plan { query.add("plan", true) }
    query.add("ifPlan", ifPlan)
    return query
  }
}
