import ControlAPI
import Hummingbird
import PoolFlows
import PoolModel

/// Routes that only look.
struct ReadRoutes {
  let manager: PoolManager
  let version: String

  func add(to router: Router<BasicRequestContext>) {
    router.get(RouterPath(Route.status)) { _, _ in
      try await Answer.from { try Answer.json(await manager.view().status(version: version)) }
    }
    router.get(RouterPath(Route.pfs)) { _, _ in
      try await Answer.from { try Answer.json(await manager.view().pfRows()) }
    }
    router.get(RouterPath(Route.vfs)) { request, _ in
      try await Answer.from {
        let rows = try vfs(await manager.view(counters: request.flag("counters")), pf: request.query("pf"))
        return Answer.json(text: rows.json)
      }
    }
    router.get(RouterPath(Route.pools)) { _, _ in
      try await Answer.from { try Answer.json(await manager.view().poolRows()) }
    }
    router.get(RouterPath(Route.poolDetail)) { request, _ in
      try await Answer.from { try Answer.json(await manager.view().detail(of: request.needed("pool"))) }
    }
    router.get(RouterPath(Route.poolNetdef)) { request, _ in
      try await Answer.from {
        Answer.text(try await manager.netdef(of: request.needed("pool")), type: "application/xml")
      }
    }
    router.get(RouterPath(Route.poolExplain)) { request, _ in
      try await Answer.from {
        let view = try await manager.explainPlacement(pool: request.needed("pool"), guest: request.needed("guest"))
        return try Answer.json(PlacementReport(view))
      }
    }
    router.get(RouterPath(Route.leases)) { _, _ in
      try await Answer.from {
        try Answer.json(await manager.contentsNow().leases.values.sorted { $0.id < $1.id }.map { LeaseRow($0) })
      }
    }
    router.get(RouterPath(Route.leaseHistory)) { request, _ in
      try await Answer.from {
        let filter = try filter(request)
        // It can be long: not on the thread that answers hooks.
        return try await withTaskExecutorPreference(globalConcurrentExecutor) {
          try Answer.json(await manager.history(filter).map { LeaseRow($0) })
        }
      }
    }
    router.get(RouterPath(Route.guests)) { _, _ in
      try await Answer.from { try Answer.json(await manager.guestViews().map { GuestRow($0) }) }
    }
    router.get(RouterPath(Route.devices)) { _, _ in
      try await Answer.from { try Answer.json(await manager.deviceViews().map { DeviceRow($0) }) }
    }
    router.get(RouterPath(Route.deviceDetail)) { request, _ in
      try await Answer.from {
        try Answer.json(DeviceReport(await manager.deviceDetail(request.needed("device"))))
      }
    }
    router.get(RouterPath(Route.macs)) { _, _ in
      try await Answer.from {
        let bindings = await manager.contentsNow().bindings.values
        return try Answer.json(
          bindings.sorted { ($0.guest.name, $0.pool, $0.nic) < ($1.guest.name, $1.pool, $1.nic) }.map(MACRow.init))
      }
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
    if let limit: Int = try request.value("limit", "a number") { filter.limit = max(1, min(limit, 100_000)) }
    return filter
  }
}
