import ControlAPI
import Fleet
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import PoolFlows
import PoolModel
import ServiceLifecycle

/// One of the sockets on which vfpoold is asked, served until shutdown.
public struct ControlService: Service {
  public enum Endpoint: Sendable {
    /// A Unix socket for everything, hooks too: root, and the members of `groups`; its file belongs to the first.
    case readWrite(path: String, groups: [String])
    /// A Unix socket for what only looks: root, and the members of `groups`.
    case readOnly(path: String, groups: [String])
    /// The same over TCP, for who knows the token.
    case web(host: String, port: Int, token: String)
  }

  /// Whether libvirt calls vfpool's hooks, and they do something.
  public enum HookState: Sendable {
    case works, isNotLinked
    /// By somebody who has made this file.
    case isBypassed(String)

    var isWorking: Bool { if case .works = self { true } else { false } }

    /// In words; nil = none.
    var problem: String? {
      switch self {
      case .works: nil
      case .isNotLinked:
        "libvirt doesn't call vfpool's hooks: VFs are not placed, and go back as they are; `vfpool enable` links them"
      case .isBypassed(let file):
        "\(file) switches vfpool's hooks off: VFs are not placed, and go back as they are; `vfpool enable` removes it"
      }
    }
  }

  /// What is the same for every socket of a vfpoold.
  public struct About: Sendable {
    public var version: String
    /// The folder with the web page and the API's description.
    public var share: String
    public var hookTimes = HookTimes()
    /// Nil: this host is in no fleet.
    public var fleet: FleetAgent?
    /// Why it is in none although one is configured, in words.
    public var unusableFleet: String?
    /// Why the ledger can't be used, in words; then nothing is changed.
    public var unusableLedger: String?
    public var hooks: @Sendable () -> HookState
    public var now: @Sendable () -> Timestamp

    public init(
      version: String, share: String, now: @escaping @Sendable () -> Timestamp,
      hooks: @escaping @Sendable () -> HookState
    ) {
      self.version = version
      self.share = share
      self.now = now
      self.hooks = hooks
    }
  }

  /// Where the token for reading over TCP is.
  public static let tokenPath = "/var/lib/vfpool/web-token"

  /// One thread for all sockets: requests are few and short, and each thread costs memory.
  private static let eventLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  /// How long a connection may be open without a request.
  private static let idleLimit = TimeAmount.seconds(60)
  /// How many connections a socket for those who only look has at once: more wait.
  private static let readOnlyConnections = 64

  let manager: PoolManager
  let audit: any AuditLog
  let endpoint: Endpoint
  let about: About
  let log: Logger
  private let refusals: RefusalLog
  let onRunning: @Sendable () async -> Void

  /// `onRunning` is called once connections are accepted.
  public init(
    manager: PoolManager, audit: any AuditLog, endpoint: Endpoint, about: About, log: Logger,
    onRunning: @escaping @Sendable () async -> Void = {}
  ) {
    self.manager = manager
    self.audit = audit
    self.endpoint = endpoint
    self.about = about
    self.log = log
    refusals = RefusalLog(log: log)
    self.onRunning = onRunning
  }

  public func run() async throws {
    let responder = routes().router.buildResponder()
    let members = members()
    let gate = gate(for: members)
    let access: WebAccess? =
      if case .web(_, let port, let token) = endpoint { .init(port: port, token: token) } else { nil }
    // Not `Application`: its date cache wakes up every second, and vfpoold is to sleep when there is nothing to do.
    let server = try HTTPServerBuilder.http1(
      configuration: .init(additionalChannelHandlers: gate(), idleTimeout: Self.idleLimit)
    ).buildServer(
      configuration: ServerConfiguration(
        address: address,
        availableConnectionsDelegate: changesThings
          ? nil : MaximumAvailableConnections(Self.readOnlyConnections, logger: log)),
      eventLoopGroup: Self.eventLoop, logger: log
    ) { request, writer, channel in
      var response: Response
      do {
        if let refusal = try access?.refusal(of: request) {
          response = refusal
          refusals.note(
            "web \(refusal.status.code)",
            "refused \(request.method) \(request.uri.path) on the web page's address: \(refusal.status)")
        } else {
          response = try await responder.respond(
            to: request, context: ConnectionContext(source: .init(channel: channel, logger: log)))
        }
        // The router's own answer, which is empty.
        if response.status == .notFound, response.headers[.contentType] == nil {
          response = try noRoute(request)
        }
      } catch {
        response = Response(status: .internalServerError)
      }
      try await writer.write(response: response.head, body: response.body)
    } onServerRunning: { _ in
      share(with: members)
      await onRunning()
    }
    do {
      try await withTaskExecutorPreference(EventLoopExecutor(Self.eventLoop.any())) { try await server.run() }
    } catch {
      guard case .web(let host, let port, _) = endpoint else { throw error }
      // Guests don't depend on it.
      log.error("no web page on \(host):\(port): \(error)")
      try? await gracefulShutdown()
    }
  }

  private var changesThings: Bool { if case .readWrite = endpoint { true } else { false } }

  private var address: BindAddress {
    switch endpoint {
    case .readWrite(let path, _), .readOnly(let path, _):
      // A socket file that a killed vfpoold left is in the way of bind.
      unlink(path)
      return .unixDomainSocket(path: path)
    case .web(let host, let port, _): return .hostname(host, port: port)
    }
  }

  private func routes() -> Routes {
    let routes = Routes(
      auditor: changesThings ? Auditor(audit: audit, log: log, now: about.now) : nil, obstacle: about.unusableLedger)
    ReadRoutes(manager: manager, about: about).add(to: routes)
    WebRoutes(folder: about.share).add(to: routes)
    FleetRoutes(fleet: about.fleet, why: about.unusableFleet, changesThings: changesThings).add(to: routes)
    if changesThings {
      HookRoutes(manager: manager, times: about.hookTimes, log: log).add(to: routes.router)
      ChangeRoutes(manager: manager, audit: audit).add(to: routes)
    }
    return routes
  }

  private func noRoute(_ request: Request) throws -> Response {
    let elsewhere = changesThings ? "" : " on this socket; what changes something is served on \(SocketPath.readWrite)"
    return try Answer.json(Failure(error: "no route \(request.method) \(request.uri.path)\(elsewhere)"), .notFound)
  }

  // MARK: Who may use a Unix socket

  private typealias Group = (name: String, gid: gid_t)

  /// The groups that may use the socket, besides root, as far as they are there.
  private func members() -> [Group] {
    switch endpoint {
    case .web: return []
    case .readWrite(let path, let groups), .readOnly(let path, let groups):
      return groups.compactMap { name in
        guard let entry = getgrnam(name) else {
          log.warning("no group \(name): it can't use \(path)")
          return nil
        }
        return (name, entry.pointee.gr_gid)
      }
    }
  }

  private func gate(for members: [Group]) -> @Sendable () -> [any RemovableChannelHandler] {
    switch endpoint {
    case .web: return { [] }
    case .readWrite(let path, _), .readOnly(let path, _):
      return { [refusals] in [PeerGate(path: path, groups: members, refusals: refusals)] }
    }
  }

  /// Who may not use the socket that changes things can't even connect: no guest's start waits behind strangers. The
  /// other one is open to all, and `PeerGate` says to whom it was refused.
  private func share(with members: [Group]) {
    switch endpoint {
    case .web: break
    case .readOnly(let path, _): chmod(path, 0o666)
    case .readWrite(let path, _):
      chmod(path, 0o660)
      if let group = members.first, chown(path, 0, group.gid) != 0 {
        log.warning("\(path) can't be given to group \(group.name): \(String(cString: strerror(errno)))")
      }
    }
  }
}
