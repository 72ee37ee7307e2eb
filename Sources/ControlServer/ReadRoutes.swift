import ControlAPI
import Fleet
import Hummingbird
import PoolFlows
import PoolModel

/// Routes that only look.
struct ReadRoutes {
  let manager: PoolManager
  let about: ControlService.About

  /// Hooks that do nothing are the first of its problems.
  private func view(counters: Bool = false, _ hooks: ControlService.HookState? = nil) async -> HostView {
    var view = await manager.view(counters: counters)
    if let problem = (hooks ?? about.hooks()).problem { view.problems.insert(problem, at: 0) }
    return view
  }

  func add(to routes: Routes) {
    routes.serve(.get, Route.status) { _ in
      try Answer.json(await view().status(version: about.version))
    }
    routes.serve(.get, Route.events) { request in try await EventStream(manager: manager).response(to: request) }
    routes.serve(.get, Route.metrics) { request in
      let hooks = about.hooks()
      let view = await view(counters: true, hooks)
      var fleet: (FleetAgent.Connection, Int)?
      if let agent = about.fleet { fleet = (agent.connection, await agent.pending) }
      let metrics = Metrics(
        view: view, tally: await manager.tallyNow(), hooks: about.hookTimes.now(),
        hooksEnabled: hooks.isWorking, version: about.version, fleet: fleet)
      let format = MetricsText.Format(accept: request.headers[.accept])
      return Answer.text(metrics.text(format), type: format.contentType)
    }
    routes.serve(.get, Route.pfs) { _ in
      try Answer.json(await manager.view().pfRows())
    }
    routes.serve(.get, Route.vfs, "pf", "counters") { request in
      let rows = try vfs(await manager.view(counters: request.flag("counters")), pf: request.query("pf"))
      return Answer.json(text: rows.json)
    }
    routes.serve(.get, Route.pools) { _ in
      try Answer.json(await manager.view().poolRows())
    }
    routes.serve(.get, Route.poolDetail, "pool") { request in
      try Answer.json(await manager.view().detail(of: request.needed("pool")))
    }
    routes.serve(.get, Route.poolNetdef, "pool") { request in
      Answer.text(try await manager.netdef(of: request.needed("pool")), type: "application/xml")
    }
    routes.serve(.get, Route.poolExplain, "pool", "guest") { request in
      let view = try await manager.explainPlacement(pool: request.needed("pool"), guest: request.needed("guest"))
      return try Answer.json(PlacementReport(view))
    }
    routes.serve(.get, Route.leases) { _ in
      try Answer.json(await manager.contentsNow().leases.values.sorted { $0.id < $1.id }.map { LeaseRow($0) })
    }
    routes.serve(.get, Route.leaseHistory, "mac", "guest", "vf", "pool", "at", "limit") { request in
      let filter = try filter(request)
      // It can be long: not on the thread that answers hooks.
      return try await withTaskExecutorPreference(globalConcurrentExecutor) {
        try Answer.json(await manager.history(filter).map { LeaseRow($0) })
      }
    }
    routes.serve(.get, Route.guests) { _ in
      try Answer.json(await manager.guestViews().map { GuestRow($0) })
    }
    routes.serve(.get, Route.devices) { _ in
      try Answer.json(await manager.deviceViews().map { DeviceRow($0) })
    }
    routes.serve(.get, Route.deviceDetail, "device") { request in
      try Answer.json(DeviceReport(await manager.deviceDetail(request.needed("device"))))
    }
    routes.serve(.get, Route.macs) { _ in
      let bindings = await manager.contentsNow().bindings.values
      return try Answer.json(
        bindings.sorted { ($0.guest.name, $0.pool, $0.nic) < ($1.guest.name, $1.pool, $1.nic) }.map(MACRow.init))
    }
  }

  private func vfs(_ view: HostView, pf: String?) throws(FlowError) -> [VFRow] {
    guard let pf else { return view.vfRows() }
    guard let found = view.inventory.pf(named: pf) else {
      throw FlowError(
        .notFound, "no PF \(pf); there are: \(view.inventory.pfs.map(\.name).joined(separator: ", "))")
    }
    return view.vfRows(of: found)
  }

  private func filter(_ request: Request) throws(FlowError) -> HistoryFilter {
    var filter = try HistoryFilter(guest: request.query("guest"), pool: request.query("pool"))
    filter.mac = try request.value("mac", MACAddress.shape)
    filter.vf = try request.value("vf", "a PCI address like 0000:01:10.0")
    filter.at = try request.value("at", "a time like 2026-11-24T14:51:53Z")
    if let limit = try request.limit() { filter.limit = limit }
    return filter
  }
}
