import ControlAPI
import Glibc
import HTTPTypes
import Hummingbird
import LibvirtXML
import Logging
import PoolFlows
import PoolModel

/// What libvirt's hooks tell. The hook waits: what needn't be done before libvirt goes on is done after the answer.
struct HookRoutes {
  let manager: PoolManager
  let times: HookTimes
  let log: Logger

  static let deadlineHeader = "Vfpool-Deadline"
  /// As large as the hook passes on.
  static let bodyLimit = 10 << 20

  func add(to router: Router<ConnectionContext>) {
    router.post(RouterPath(Route.qemuHook)) { request, _ in await answer(request, qemu) }
    router.post(RouterPath(Route.networkHook)) { request, _ in await answer(request, network) }
    router.post(RouterPath(Route.daemonHook)) { request, _ in await answer(request, daemon) }
  }

  private func answer(_ request: Request, _ handle: (Request) async throws -> HookVerdict) async -> Response {
    do {
      switch try await handle(request) {
      case .go: return Answer.text("")
      case .refuse(let refusal): return Answer.text("vfpool: \(refusal.text)\n", .conflict)
      }
    } catch {
      // What we can't understand must not stop a guest.
      log.error("hook call not understood: \(error)", metadata: ["uri": "\(request.uri)"])
      return Answer.text("\(error)", .badRequest)
    }
  }

  /// The header bears a moment of CLOCK_MONOTONIC, in nanoseconds: a request that lay in the socket while vfpoold hung is
  /// as late as it is.
  private func deadline(_ request: Request) -> HookDeadline {
    guard let moment = HTTPField.Name(Self.deadlineHeader).flatMap({ request.headers[$0] }).flatMap({ Int64($0) })
    else { return HookDeadline(in: .milliseconds(500)) }
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let nanoseconds = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    return HookDeadline(in: .nanoseconds(moment.subtractingReportingOverflow(nanoseconds).partialValue))
  }

  private func qemu(_ request: Request) async throws -> HookVerdict {
    let deadline = deadline(request)
    let xml = try await request.bytes(upTo: Self.bodyLimit).readableBytesView
    let (op, subop) = (request.word("op"), request.word("subop"))
    // True also when it comes late: libvirt goes on, and prepares the guest.
    if (op, subop) == ("migrate", "begin") {
      await manager.incoming(try GuestID(domain: xml))
      return .go
    }
    guard !deadline.isOver else {
      times.noteLate(Self.step(op))
      await manager.hookCameLate("qemu \(op) of guest \(request.word("object"))")
      return .go
    }
    let begin = ContinuousClock.now
    defer { times.note(Self.step(op), took: .now - begin) }
    switch (op, subop) {
    case ("prepare", "begin"): return await manager.prepare(try GuestDescription(bytes: xml), deadline: deadline)
    case ("start", "begin"): await manager.started(try GuestID(domain: xml), deadline: deadline)
    case ("release", "end"):
      let run = await manager.endOfRun(of: try GuestID(domain: xml))
      let manager = manager
      Task { await manager.released(run) }
    default: break
    }
    return .go
  }

  private func network(_ request: Request) async throws -> HookVerdict {
    let deadline = deadline(request)
    let input = try NetworkHookInput(bytes: await request.bytes(upTo: Self.bodyLimit).readableBytesView)
    let op = request.word("op")
    guard !deadline.isOver else {
      times.noteLate(Self.step(op))
      await manager.hookCameLate("network \(op) of \(input.networkName)")
      return .go
    }
    let begin = ContinuousClock.now
    defer { times.note(Self.step(op), took: .now - begin) }
    switch (op, input.port) {
    case ("port-created", let port?):
      await manager.allocated(port, network: input.networkName, deadline: deadline)
    case ("port-deleted", let port?):
      await manager.freed(port, network: input.networkName, deadline: deadline)
    default: await manager.networksChanged()
    }
    return .go
  }

  /// What the step of a lease is called at which libvirt is.
  private static func step(_ op: String) -> String {
    switch op {
    case "prepare", "start", "release": op
    case "port-created": "allocated"
    case "port-deleted": "freed"
    default: "other"
    }
  }

  private func daemon(_ request: Request) async throws -> HookVerdict {
    await manager.libvirtReloads()
    return .go
  }
}

extension Request {
  /// What libvirt told the hook; “?” when it told nothing.
  fileprivate func word(_ name: String) -> String { uri.queryParameters.get(name) ?? "?" }
}
