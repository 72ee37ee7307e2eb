import ControlAPI
import Fleet
import Foundation
import Hummingbird
import PoolFlows
import PoolModel

/// Routes that change something; only on the socket for those who may.
struct ChangeRoutes {
  let manager: PoolManager
  let audit: any AuditLog

  /// A netdef's size.
  static let netdefLimit = 1 << 20

  func add(to routes: Routes) {
    routes.serve(.get, Route.audit, "since", "user", "limit") { request in
      var filter = AuditFilter(since: try request.value("since", Timestamp.shape), user: try request.query("user"))
      if let limit = try request.limit() { filter.limit = limit }
      // It can be long: not on the thread that answers hooks.
      return try await withTaskExecutorPreference(globalConcurrentExecutor) { [filter] in
        try Answer.json(await audit.audits(filter).map(AuditRow.init))
      }
    }
    routes.serve(.patch, Route.vfs, several: "vf") { request in
      let names = try request.several("vf")
      let change = try await Self.decoded(VFChange.self, request)
      let vfs = try await manager.setVFs(names, change.settings, disrupt: change.disrupt)
      let view = await manager.view()
      return Answer.json(text: vfs.map(view.row).json)
    }
    routes.serve(.post, Route.vfReset, "vf", several: "disrupt") { request in
      let disrupt = request.uri.queryParameters.getAll("disrupt")
      let vf = try await manager.resetVF(request.needed("vf"), disrupt: disrupt)
      return try Answer.json(await manager.view().row(vf))
    }
    routes.serve(.post, Route.vfQuarantine, "vf", "why") { request in
      let vf = try await manager.quarantine(request.needed("vf"), why: request.needed("why"))
      return try Answer.json(await manager.view().row(vf))
    }
    routes.serve(.post, Route.vfUnquarantine, "vf") { request in
      let vf = try await manager.unquarantine(request.needed("vf"))
      return try Answer.json(await manager.view().row(vf))
    }
    routes.serve(.post, Route.poolApply, "file", "plan", "ifPlan") { request in
      let body = try await request.bytes(upTo: Self.netdefLimit)
      guard let xml = String(validating: body.readableBytesView, as: UTF8.self) else {
        throw FlowError(.invalid, "the netdef is not UTF-8")
      }
      return try await Self.report(
        manager.apply(netdef: xml, plan: request.flag("plan"), ifPlan: request.query("ifPlan")))
    }
    routes.serve(.post, Route.poolEnforce, "pool", "plan", "ifPlan") { request in
      try await Self.report(
        manager.enforce(pool: request.needed("pool"), plan: request.flag("plan"), ifPlan: request.query("ifPlan")))
    }
    routes.serve(.post, Route.poolRemove, "pool", "plan", "ifPlan") { request in
      try await Self.report(
        manager.removePool(request.needed("pool"), plan: request.flag("plan"), ifPlan: request.query("ifPlan")))
    }
    routes.serve(.post, Route.poolStart, "pool") { request in
      try await Self.report(manager.startPool(request.needed("pool")))
    }
    routes.serve(.post, Route.poolStop, "pool") { request in
      try await Self.report(manager.stopPool(request.needed("pool")))
    }
    // That the program does which was asked for it; here it comes into the audit.
    routes.serve(.post, Route.enable) { _ in try Answer.json(PlanReport(Plan(done: true))) }
    routes.serve(.post, Route.disable) { _ in try await Self.report(manager.dropAllHolds()) }
    routes.serve(.post, Route.pfSetVFs, "pf", "count", "plan", "ifPlan") { request in
      try await Self.report(
        manager.setVFCount(
          request.needed("count", "a number"), pf: request.needed("pf"), plan: request.flag("plan"),
          ifPlan: request.query("ifPlan")))
    }
    routes.serve(.post, Route.pfSelfTest, "pf") { request in
      try await Answer.json(SelfTestReport(manager.selfTest(pf: request.needed("pf"))))
    }
    routes.serve(.post, Route.guestAttach, "guest") { request in
      let body = try await Self.decoded(GuestAttachment.self, request)
      let outcome = try await manager.attach(body.request(), to: request.needed("guest"), body.scope)
      return try Answer.json(GuestChange(outcome))
    }
    routes.serve(.post, Route.guestDetach, "guest") { request in
      let body = try await Self.decoded(GuestDetachment.self, request)
      guard GuestDetachment.timeouts.contains(body.timeout) else {
        throw FlowError(.invalid, "timeout is \(GuestDetachment.timeouts) seconds, not \(body.timeout)")
      }
      let outcome = try await manager.detach(
        body.target(), from: request.needed("guest"), body.scope, timeout: .seconds(body.timeout))
      return try Answer.json(GuestChange(outcome))
    }
    device(routes, Route.deviceDetach, .detach)
    device(routes, Route.deviceReattach, .reattach)
    device(routes, Route.deviceReset, .reset)
    routes.serve(.post, Route.macBind, "guest", "nic", "mac") { request in
      let outcome = try await manager.bindMAC(
        MACRequest(
          guest: request.needed("guest"), nic: request.needed("nic", NICName.shape),
          mac: request.value("mac", MACAddress.shape)))
      return try Answer.json(MACChange(binding: MACRow(outcome.binding), notes: outcome.notes))
    }
    routes.serve(.post, Route.macUnbind, "guest", "nic") { request in
      let bindings = try await manager.unbindMACs(
        ofGuest: request.needed("guest"), nic: request.value("nic", NICName.shape))
      return try Answer.json(bindings.map(MACRow.init))
    }
    routes.serve(.post, Route.macImport, "plan", "ifPlan") { request in
      let entries = try MACImport.entries(await request.bytes(upTo: MACImport.limit).readableBytesView)
      return try await Self.report(
        manager.importMACs(entries, plan: request.flag("plan"), ifPlan: request.query("ifPlan")))
    }
    routes.serve(.post, Route.reconcile, "plan") { request in
      let plan = try request.flag("plan")
      return try Answer.json(PlanReport(await manager.reconcile(plan: plan), done: !plan))
    }
  }

  static func decoded<Body: Decodable>(
    _ type: Body.Type, _ request: Request, limit: Int = 64 << 10
  ) async throws -> Body {
    let body = try await request.bytes(upTo: limit)
    return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
  }

  private func device(_ routes: Routes, _ path: String, _ verb: DeviceVerb) {
    let manager = manager
    routes.serve(.post, path, several: "device") { request in
      try Answer.json(await manager.changeDevices(request.several("device"), verb).map { DeviceChange($0) })
    }
  }

  private static func report(_ plan: Plan) throws -> Response { try Answer.json(PlanReport(plan)) }
}
