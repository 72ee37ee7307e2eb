import ControlAPI
import Foundation
import Hummingbird
import PoolFlows
import PoolModel

/// Routes that change something; only on the socket for those who may.
struct ChangeRoutes {
  let manager: PoolManager

  /// A netdef's size.
  static let netdefLimit = 1 << 20

  func add(to router: Router<BasicRequestContext>) {
    router.patch(RouterPath(Route.vfs)) { request, _ in
      try await Answer.from {
        let names = request.uri.queryParameters.getAll("vf")
        if names.isEmpty { throw FlowError(.invalid, "the query parameter vf is missing") }
        let change = try await Self.decoded(VFChange.self, request)
        let vfs = try await manager.setVFs(names, change.settings, disrupt: change.disrupt)
        let view = await manager.view()
        return Answer.json(text: vfs.map(view.row).json)
      }
    }
    router.post(RouterPath(Route.vfReset)) { request, _ in
      try await Answer.from {
        let disrupt = request.uri.queryParameters.getAll("disrupt")
        let vf = try await manager.resetVF(request.needed("vf"), disrupt: disrupt)
        return try Answer.json(await manager.view().row(vf))
      }
    }
    router.post(RouterPath(Route.vfQuarantine)) { request, _ in
      try await Answer.from {
        let vf = try await manager.quarantine(request.needed("vf"), why: request.needed("why"))
        return try Answer.json(await manager.view().row(vf))
      }
    }
    router.post(RouterPath(Route.vfUnquarantine)) { request, _ in
      try await Answer.from {
        let vf = try await manager.unquarantine(request.needed("vf"))
        return try Answer.json(await manager.view().row(vf))
      }
    }
    router.post(RouterPath(Route.poolApply)) { request, _ in
      try await Answer.from {
        let body = try await request.bytes(upTo: Self.netdefLimit)
        guard let xml = String(validating: body.readableBytesView, as: UTF8.self) else {
          throw FlowError(.invalid, "the netdef is not UTF-8")
        }
        return try Answer.json(
          PlanReport(
            await manager.apply(netdef: xml, plan: request.flag("plan"), ifPlan: request.query("ifPlan"))))
      }
    }
    plan(router, Route.poolEnforce) { manager, request in
      try await manager.enforce(
        pool: request.needed("pool"), plan: request.flag("plan"), ifPlan: request.query("ifPlan"))
    }
    plan(router, Route.poolRemove) { manager, request in
      try await manager.removePool(
        request.needed("pool"), plan: request.flag("plan"), ifPlan: request.query("ifPlan"))
    }
    atOnce(router, Route.poolStart) { manager, request in try await manager.startPool(request.needed("pool")) }
    atOnce(router, Route.poolStop) { manager, request in try await manager.stopPool(request.needed("pool")) }
    atOnce(router, Route.disable) { manager, _ in try await manager.dropAllHolds() }
    plan(router, Route.pfSetVFs) { manager, request in
      guard let count = Int(try request.needed("count")) else { throw FlowError(.invalid, "count is not a number") }
      return try await manager.setVFCount(
        count, pf: request.needed("pf"), plan: request.flag("plan"), ifPlan: request.query("ifPlan"))
    }
    router.post(RouterPath(Route.guestAttach)) { request, _ in
      try await Answer.from {
        let body = try await Self.decoded(GuestAttachment.self, request)
        let outcome = try await manager.attach(body.request(), to: request.needed("guest"), body.scope)
        return try Answer.json(GuestChange(outcome))
      }
    }
    router.post(RouterPath(Route.guestDetach)) { request, _ in
      try await Answer.from {
        let body = try await Self.decoded(GuestDetachment.self, request)
        let timeout = Duration.seconds(max(0, min(body.timeout, Self.longestWait)))
        let outcome = try await manager.detach(
          body.target(), from: request.needed("guest"), body.scope, timeout: timeout)
        return try Answer.json(GuestChange(outcome))
      }
    }
    device(router, Route.deviceDetach, .detach)
    device(router, Route.deviceReattach, .reattach)
    device(router, Route.deviceReset, .reset)
    router.post(RouterPath(Route.macBind)) { request, _ in
      try await Answer.from {
        let outcome = try await manager.bindMAC(
          MACRequest(
            guest: request.needed("guest"), nic: request.needed("nic", NICName.shape),
            mac: request.value("mac", MACAddress.shape)))
        return try Answer.json(MACChange(binding: MACRow(outcome.binding), notes: outcome.notes))
      }
    }
    router.post(RouterPath(Route.macUnbind)) { request, _ in
      try await Answer.from {
        let bindings = try await manager.unbindMACs(
          ofGuest: request.needed("guest"), nic: request.value("nic", NICName.shape))
        return try Answer.json(bindings.map(MACRow.init))
      }
    }
    router.post(RouterPath(Route.macImport)) { request, _ in
      try await Answer.from {
        let entries = try MACImport.entries(await request.bytes(upTo: MACImport.limit).readableBytesView)
        return try Answer.json(
          PlanReport(
            await manager.importMACs(entries, plan: request.flag("plan"), ifPlan: request.query("ifPlan"))))
      }
    }
    router.post(RouterPath(Route.reconcile)) { request, _ in
      try await Answer.from {
        let plan = try request.flag("plan")
        return try Answer.json(PlanReport(await manager.reconcile(plan: plan), done: !plan))
      }
    }
  }

  /// How many seconds a guest has at most to let a device go.
  private static let longestWait = 3600

  private static func decoded<Body: Decodable>(_ type: Body.Type, _ request: Request) async throws -> Body {
    let body = try await request.bytes(upTo: 64 << 10)
    return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
  }

  private func device(_ router: Router<BasicRequestContext>, _ path: String, _ verb: DeviceVerb) {
    let manager = manager
    router.post(RouterPath(path)) { request, _ in
      try await Answer.from {
        let names = request.uri.queryParameters.getAll("device")
        if names.isEmpty { throw FlowError(.invalid, "the query parameter device is missing") }
        return try Answer.json(await manager.changeDevices(names, verb).map { DeviceChange($0) })
      }
    }
  }

  /// For changes that have no plan: who asks for one must not get the change.
  private func atOnce(
    _ router: Router<BasicRequestContext>, _ path: String,
    _ handle: @escaping @Sendable (PoolManager, Request) async throws -> Plan
  ) {
    plan(router, path) { manager, request in
      if try request.flag("plan") {
        throw FlowError(.invalid, "\(path) makes no plan: it is done at once; ask without plan")
      }
      return try await handle(manager, request)
    }
  }

  private func plan(
    _ router: Router<BasicRequestContext>, _ path: String,
    _ handle: @escaping @Sendable (PoolManager, Request) async throws -> Plan
  ) {
    let manager = manager
    router.post(RouterPath(path)) { request, _ in
      try await Answer.from { try Answer.json(PlanReport(await handle(manager, request))) }
    }
  }
}
