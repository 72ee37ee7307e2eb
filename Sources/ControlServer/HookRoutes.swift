import ControlAPI
import HTTPTypes
import Hummingbird
import LibvirtXML
import Logging
import PoolFlows

/// What libvirt's hooks tell. The hook waits: what needn't be done before libvirt goes on is done after the answer.
struct HookRoutes {
  let manager: PoolManager
  let log: Logger

  static let deadlineHeader = "Vfpool-Deadline"
  /// As large as the hook passes on.
  static let bodyLimit = 10 << 20

  func add(to router: Router<BasicRequestContext>) {
    router.post(RouterPath(Route.qemuHook)) { request, _ in await answer(request, qemu) }
    router.post(RouterPath(Route.networkHook)) { request, _ in await answer(request, network) }
  }

  private func answer(_ request: Request, _ handle: (Request) async throws -> HookVerdict) async -> Response {
    do {
      switch try await handle(request) {
      case .go: return Answer.text("")
      case .refuse(let why): return Answer.text("vfpool: \(why)\n", .conflict)
      }
    } catch {
      // What we can't understand must not stop a guest.
      log.error("hook call not understood: \(error)", metadata: ["uri": "\(request.uri)"])
      return Answer.text("\(error)", .badRequest)
    }
  }

  private func deadline(_ request: Request) -> HookDeadline {
    let left = HTTPField.Name(Self.deadlineHeader).flatMap { request.headers[$0] }.flatMap { Int64($0) }
    return HookDeadline(in: .milliseconds(left ?? 500))
  }

  private func qemu(_ request: Request) async throws -> HookVerdict {
    let deadline = deadline(request)
    let guest = try GuestDescription(bytes: await request.bytes(upTo: Self.bodyLimit).readableBytesView)
    switch (request.query("op"), request.query("subop")) {
    case ("prepare", "begin"): return await manager.prepare(guest, deadline: deadline)
    case ("start", "begin"): await manager.started(guest.guest, deadline: deadline)
    case ("release", "end"):
      let manager = manager
      Task { await manager.released(guest.guest) }
    default: break
    }
    return .go
  }

  private func network(_ request: Request) async throws -> HookVerdict {
    let deadline = deadline(request)
    let input = try NetworkHookInput(bytes: await request.bytes(upTo: Self.bodyLimit).readableBytesView)
    switch (request.query("op"), input.port) {
    case ("port-created", let port?):
      await manager.allocated(port, network: input.networkName, deadline: deadline)
    case ("port-deleted", let port?):
      await manager.freed(port, network: input.networkName, deadline: deadline)
    default: await manager.networksChanged()
    }
    return .go
  }
}
