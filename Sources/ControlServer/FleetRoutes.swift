import ControlAPI
import Fleet
import Foundation
import Hummingbird
import LibvirtXML
import PoolFlows
import PoolModel
import Synchronization

/// What is asked of the whole fleet.
struct FleetRoutes {
  /// Nil: this host is in none.
  let fleet: FleetAgent?
  /// Why, in words, although one is configured.
  let why: String?
  let changesThings: Bool
  private let watchers = Watchers()

  init(fleet: FleetAgent?, why: String?, changesThings: Bool) {
    self.fleet = fleet
    self.why = why
    self.changesThings = changesThings
  }

  /// Each has a stream of the store's.
  private final class Watchers: Sendable {
    private static let most = 8
    private let count = Mutex(0)

    /// False: there are as many as there may be.
    func add() -> Bool {
      count.withLock { count in
        guard count < Self.most else { return false }
        count += 1
        return true
      }
    }

    func remove() { count.withLock { $0 -= 1 } }
  }

  func add(to routes: Routes) {
    routes.serve(.get, Route.fleetStatus) { _ in try Answer.json(await agent().status()) }
    routes.serve(.get, Route.fleetHosts) { _ in try Answer.json(await agent().hosts()) }
    routes.serve(.get, Route.fleetFind, "mac", "guest") { request in
      let mac: MACAddress? = try request.value("mac", MACAddress.shape)
      switch (mac, try request.query("guest")) {
      case (let mac?, nil): return try Answer.json(await agent().find(mac: mac))
      case (nil, let guest?): return try Answer.json(await agent().find(guest: guest))
      default: throw FlowError(.invalid, "GET \(Route.fleetFind) needs mac or guest, not both")
      }
    }
    routes.serve(.get, Route.fleetPlace, "pool", "count") { request in
      let count: UInt16 = try request.value("count", "a whole number from 1 to 65535") ?? 1
      guard count > 0 else { throw FlowError(.invalid, "count=0: at least one VF is wanted") }
      return try Answer.json(await agent().place(pool: request.needed("pool"), count: Int(count)))
    }
    routes.serve(.get, Route.fleetEvents) { _ in try await events(agent()) }
    guard changesThings else { return }
    routes.serve(.post, Route.fleetPlan) { request in
      let wanted = try await ChangeRoutes.decoded(FleetApplication.self, request, limit: ChangeRoutes.netdefLimit)
      _ = try Self.named(wanted.netdefs)
      return try Answer.json(await agent().plan(wanted.netdefs, on: wanted.hosts, except: wanted.except))
    }
    routes.serve(.post, Route.fleetApply) { request in
      let wanted = try await ChangeRoutes.decoded(FleetApplication.self, request, limit: ChangeRoutes.netdefLimit)
      guard let tokens = wanted.tokens else { throw FlowError(.invalid, "tokens of the hosts' plans are needed") }
      return try Answer.json(
        await agent().apply(
          Self.named(wanted.netdefs), on: wanted.hosts, except: wanted.except, tokens: tokens))
    }
    routes.serve(.post, Route.fleetForget, "pool") { request in
      try await agent().forget(netdef: request.needed("pool"))
      return try Answer.json(await agent().status().netdefs)
    }
    routes.serve(.post, Route.fleetForgetHost, "host") { request in
      try Answer.json(await agent().forget(host: request.needed("host")))
    }
  }

  private func agent() throws(FlowError) -> FleetAgent {
    guard let fleet else {
      if let why { throw FlowError(.unavailable, "this host is in no fleet, though vfpool.conf names one: \(why)") }
      throw FlowError(.notFound, "this host is in no fleet: set fleet in /etc/vfpool/vfpool.conf (man 5 vfpool.conf)")
    }
    return fleet
  }

  /// By the pools that they describe; a mistake in one is told before any host is asked.
  private static func named(_ netdefs: [String]) throws(FlowError) -> [(pool: String, xml: String)] {
    if netdefs.isEmpty { throw FlowError(.invalid, "no netdef is given") }
    var named: [(pool: String, xml: String)] = []
    for xml in netdefs {
      let pool: String
      do { pool = try Netdef(xml: xml).pool.name } catch { throw FlowError(.invalid, "\(error)") }
      if named.contains(where: { $0.pool == pool }) { throw FlowError(.invalid, "pool \(pool) is described twice") }
      named.append((pool, xml))
    }
    return named
  }

  private func events(_ agent: FleetAgent) async throws -> Response {
    let events = try await agent.events()
    let watchers = watchers
    return EventResponse<FleetEventRow>(
      begin: { tell in
        guard watchers.add() else { return nil }
        let task = Task {
          do { for try await event in events { tell(event) } } catch {}
          tell(nil)
        }
        return {
          task.cancel()
          watchers.remove()
        }
      },
      text: { { row in try EventResponse<FleetEventRow>.text(id: row.revision, kind: row.kind.rawValue, row) } }
    ).response
  }
}
