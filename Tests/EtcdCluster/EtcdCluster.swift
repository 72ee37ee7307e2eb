import Foundation
import Glibc

/// A real etcd of one or three members, for tests; gone when it is released.
public final class EtcdCluster: Sendable {
  public struct Options: Sendable {
    public var members = 1
    /// Members answer clients over TLS only.
    public var certificates: TestCertificates?
    /// Only to clients with a certificate.
    public var wantsClientCertificates = false
    /// The members' certificate; nil: `certificates.server`.
    public var serverCertificate: TestCertificates.Pair?
    /// Each member on a host of its own.
    public var network: TestNetwork?
    /// Whether to wait until it serves.
    public var waits = true
    /// More of etcd's arguments.
    public var arguments: [String] = []

    public init(members: Int = 1, arguments: [String] = []) {
      self.members = members
      self.arguments = arguments
    }
  }

  public struct Problem: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
  }

  /// Where etcd's programs are, when the tests are to run with others than the system's.
  private static let folder = ProcessInfo.processInfo.environment["ETCD_TESTS_FOLDER"] ?? "/usr/bin"
  private static let server = "\(folder)/etcd"
  private static let control = "\(folder)/etcdctl"

  private let options: Options
  private let members: [EtcdMember]
  private let folder: URL

  /// Starts it.
  public init(_ options: Options = Options()) async throws {
    for program in [Self.server, Self.control] where !Command.exists(program) {
      throw Problem("there is no \(program): install etcd-server and etcd-client")
    }
    self.options = options
    Self.removeLeftOvers()
    folder = URL(fileURLWithPath: "\(Self.memory)/\(Self.mark)\(getpid())-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    members = Self.members(options, folder)
    for member in members { try member.start() }
    if options.waits { try await waitUntilHealthy() }
  }

  deinit {
    for member in members { member.kill() }
    try? FileManager.default.removeItem(at: folder)
  }

  /// etcd waits for each write to be on the disk.
  private static let memory = "/dev/shm"
  private static let mark = "vfpool-etcd-"

  /// Of test runs that were killed.
  private static func removeLeftOvers() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: memory)) ?? [] where name.hasPrefix(mark) {
      guard let pid = pid_t(name.dropFirst(mark.count).prefix { $0 != "-" }), Glibc.kill(pid, 0) != 0 else { continue }
      try? FileManager.default.removeItem(atPath: "\(memory)/\(name)")
    }
  }

  private static func members(_ options: Options, _ folder: URL) -> [EtcdMember] {
    let scheme = options.certificates == nil ? "http" : "https"
    let names = (0..<options.members).map { "m\($0)" }
    let ports = options.network == nil ? freePorts(options.members * 2) : []
    let addresses = names.indices.map { index in
      options.network.map { (client: "\($0.address(index)):2379", peer: "\($0.address(index)):2380") }
        ?? (client: "127.0.0.1:\(ports[2 * index])", peer: "127.0.0.1:\(ports[2 * index + 1])")
    }
    let initial = zip(names, addresses).map { "\($0)=http://\($1.peer)" }.joined(separator: ",")
    return zip(names, addresses).enumerated().map { index, member in
      let (name, address) = member
      let clientURL = "\(scheme)://\(address.client)"
      var words = options.network.map { $0.entering(index) } ?? []
      words += [
        server, "--name", name, "--data-dir", folder.appendingPathComponent(name).path, "--listen-client-urls",
        clientURL,
        "--advertise-client-urls", clientURL, "--listen-peer-urls", "http://\(address.peer)",
        "--initial-advertise-peer-urls", "http://\(address.peer)", "--initial-cluster", initial,
        // An election takes up to two of these; etcd's own is 1000.
        "--heartbeat-interval", "50", "--election-timeout", "500", "--log-level", "warn",
      ]
      if let certificates = options.certificates {
        let own = options.serverCertificate ?? certificates.server
        words += ["--cert-file", own.certificate, "--key-file", own.key]
        if options.wantsClientCertificates {
          words += ["--client-cert-auth", "--trusted-ca-file", certificates.authority]
        }
      }
      return EtcdMember(
        name: name, clientURL: clientURL, peerURL: "http://\(address.peer)", words: words + options.arguments,
        log: folder.appendingPathComponent("\(name).log").path)
    }
  }

  private static func freePorts(_ count: Int) -> [Int] {
    let sockets = (0..<count).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
    defer { for socket in sockets { close(socket) } }
    return sockets.map { socket in
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = bind(socket, $0, length)
          getsockname(socket, $0, &length)
        }
      }
      return Int(UInt16(bigEndian: address.sin_port))
    }
  }

  // MARK: What tests see of it

  /// `http://127.0.0.1:…`, in the order of the members.
  public var endpoints: [String] { members.map(\.clientURL) }

  /// What the members wrote.
  public var log: String {
    members.map {
      (try? String(contentsOfFile: folder.appendingPathComponent("\($0.name).log").path, encoding: .utf8)) ?? ""
    }
    .joined()
  }

  /// `etcdctl WORDS…`, asked at the members that run, or at one.
  @discardableResult public func control(_ words: String..., at member: Int? = nil, user: String? = nil) async throws
    -> String
  {
    let asked = member.map { [members[$0].clientURL] } ?? members.filter(\.isRunning).map(\.clientURL)
    var command = [Self.control, "--endpoints", asked.joined(separator: ","), "--dial-timeout", "1s"]
    if let certificates = options.certificates {
      command += [
        "--cacert", certificates.authority, "--cert", certificates.client.certificate, "--key", certificates.client.key,
      ]
    }
    if let user { command += ["--user", user] }
    return try await Command.run(command + words)
  }

  /// Each running member has a leader and answers.
  public func waitUntilHealthy(seconds: Int = 20) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
      do {
        try await control("endpoint", "health", "--command-timeout", "1s")
        return
      } catch {
        guard ContinuousClock.now < end else {
          throw Problem("etcd isn't healthy: \(error)\n\(log)")
        }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  /// Which member leads.
  public func leader() async throws -> Int {
    struct Status: Decodable {
      struct Inner: Decodable {
        struct Header: Decodable { var member_id: UInt64 }
        var header: Header
        var leader: UInt64
      }
      var Endpoint: String
      var Status: Inner
    }
    let text = try await control("endpoint", "status", "--write-out", "json")
    let found = try JSONDecoder().decode([Status].self, from: Data(text.utf8))
    let leader = found.first { $0.Status.header.member_id == $0.Status.leader }
    guard let index = members.firstIndex(where: { $0.clientURL == leader?.Endpoint }) else {
      throw Problem("no member leads: \(text)")
    }
    return index
  }

  // MARK: What tests do to it

  public func kill(_ member: Int) { members[member].kill() }
  public func pause(_ member: Int) { members[member].pause() }
  public func resume(_ member: Int) { members[member].resume() }
  /// After `kill`, with its data.
  public func start(_ member: Int) throws { try members[member].start() }

  /// What the only member has, to a file.
  public func save(to path: String) async throws { try await control("snapshot", "save", path) }

  /// The only member stops, and begins anew with what `save` has written.
  public func restore(from path: String) async throws {
    kill(0)
    try FileManager.default.removeItem(at: dataFolder)
    try await Command.run(
      Self.control, "snapshot", "restore", path, "--data-dir", dataFolder.path, "--name", members[0].name,
      "--initial-cluster", "\(members[0].name)=\(members[0].peerURL)", "--initial-advertise-peer-urls",
      members[0].peerURL)
    try start(0)
    try await waitUntilHealthy()
  }

  private var dataFolder: URL { folder.appendingPathComponent(members[0].name) }
}
