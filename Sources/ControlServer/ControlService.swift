import ControlAPI
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import PoolFlows
import ServiceLifecycle

/// One of vfpoold's two sockets, served until shutdown.
///
/// Two sockets, as libvirt has them: who may open the file may do what it serves. Peer credentials lack supplementary
/// groups, so a single socket could not tell.
public struct ControlService: Service {
  public enum Access: Sendable {
    /// Everything, hooks too: root and group `vfpool`.
    case readWrite
    /// What only looks: group `libvirt`.
    case readOnly
  }

  /// One thread for both sockets: requests are few and short, and each thread costs memory.
  private static let eventLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  /// How long a connection may be open without a request.
  private static let idleLimit = TimeAmount.seconds(60)
  /// How many connections the socket for those who only look has at once: more wait.
  private static let readOnlyConnections = 64

  let manager: PoolManager
  let path: String
  let access: Access
  let group: String
  let version: String
  let log: Logger
  let onRunning: @Sendable () async -> Void

  /// `group` is the group that the socket's file belongs to, mode 0660; when there is no such group, root alone may.
  /// `onRunning` is called once connections are accepted.
  public init(
    manager: PoolManager, path: String, access: Access, group: String, version: String, log: Logger,
    onRunning: @escaping @Sendable () async -> Void = {}
  ) {
    self.manager = manager
    self.path = path
    self.access = access
    self.group = group
    self.version = version
    self.log = log
    self.onRunning = onRunning
  }

  public func run() async throws {
    let router = Router()
    ReadRoutes(manager: manager, version: version).add(to: router)
    if access == .readWrite {
      HookRoutes(manager: manager, log: log).add(to: router)
      ChangeRoutes(manager: manager).add(to: router)
    }
    let responder = router.buildResponder()
    // A socket file that a killed vfpoold left is in the way of bind.
    unlink(path)
    // Not `Application`: its date cache wakes up every second, and vfpoold is to sleep when there is nothing to do.
    let server = try HTTPServerBuilder.http1(configuration: .init(idleTimeout: Self.idleLimit)).buildServer(
      configuration: ServerConfiguration(
        address: .unixDomainSocket(path: path),
        availableConnectionsDelegate: access == .readOnly
          ? MaximumAvailableConnections(Self.readOnlyConnections, logger: log) : nil),
      eventLoopGroup: Self.eventLoop, logger: log
    ) { request, writer, channel in
      var response: Response
      do {
        response = try await responder.respond(
          to: request, context: BasicRequestContext(source: .init(channel: channel, logger: log)))
        // The router's own answer, which is empty.
        if response.status == .notFound, response.headers[.contentType] == nil {
          response = try noRoute(request)
        }
      } catch {
        response = Response(status: .internalServerError)
      }
      try await writer.write(response: response.head, body: response.body)
    } onServerRunning: { _ in
      share()
      await onRunning()
    }
    try await withTaskExecutorPreference(EventLoopExecutor(Self.eventLoop.any())) { try await server.run() }
  }

  private func noRoute(_ request: Request) throws -> Response {
    let elsewhere =
      access == .readOnly ? " on this socket; what changes something is served on \(SocketPath.readWrite)" : ""
    return try Answer.json(Failure(error: "no route \(request.method) \(request.uri.path)\(elsewhere)"), .notFound)
  }

  /// Root and the group may connect, nobody else.
  private func share() {
    chmod(path, 0o660)
    guard let entry = getgrnam(group) else {
      log.warning("no group \(group): only root can use \(path)")
      return
    }
    if chown(path, 0, entry.pointee.gr_gid) != 0 {
      log.warning("\(path) can't be given to group \(group): \(String(cString: strerror(errno)))")
    }
  }
}
