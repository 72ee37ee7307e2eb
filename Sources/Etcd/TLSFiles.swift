import Glibc
import Logging
import NIOSSL
import Synchronization

/// What a configuration's PEM files hold, read again when they have changed.
final class TLSFiles: Sendable {
  /// Tells one state of a file from another.
  private struct Stamp: Hashable {
    var device: UInt
    var inode: UInt
    var size: Int
    var seconds: Int
    var nanoseconds: Int

    /// Nil: there is no such file.
    init?(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      device = UInt(status.st_dev)
      inode = UInt(status.st_ino)
      size = Int(status.st_size)
      seconds = status.st_mtim.tv_sec
      nanoseconds = status.st_mtim.tv_nsec
    }
  }

  private struct State {
    var stamps: [Stamp?]
    var configuration: TLSConfiguration
  }

  private let authority: String?
  private let client: EtcdConfiguration.ClientCertificate?
  private let log: Logger
  private let state: Mutex<State>

  init(_ configuration: EtcdConfiguration, log: Logger) throws(EtcdError) {
    authority = configuration.certificateAuthority
    client = configuration.clientCertificate
    self.log = log
    state = Mutex(
      State(
        stamps: Self.stamps(authority, client), configuration: try Self.read(authority: authority, client: client)))
  }

  /// As the files are now; as they were last, where they can't be read.
  var current: TLSConfiguration {
    state.withLock { state in
      let stamps = Self.stamps(authority, client)
      guard stamps != state.stamps else { return state.configuration }
      state.stamps = stamps
      do throws(EtcdError) {
        state.configuration = try Self.read(authority: authority, client: client)
        log.info("etcd's certificates were read anew")
      } catch {
        log.warning("\(error); going on with what it had")
      }
      return state.configuration
    }
  }

  private static func stamps(_ authority: String?, _ client: EtcdConfiguration.ClientCertificate?) -> [Stamp?] {
    [authority, client?.certificate, client?.key].map { $0.flatMap(Stamp.init) }
  }

  private static func read(
    authority: String?, client: EtcdConfiguration.ClientCertificate?
  ) throws(EtcdError) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    if let authority {
      configuration.trustRoots = .certificates(try certificates(authority, "etcd's certificate authority"))
    }
    if let client {
      configuration.certificateChain = try certificates(client.certificate, "etcd's client certificate")
        .map { .certificate($0) }
      configuration.privateKey = .privateKey(
        try reading(client.key, "the key of etcd's client certificate") {
          try NIOSSLPrivateKey(file: client.key, format: .pem)
        })
      // A key that belongs to another certificate is found here, not at the first request.
      _ = try reading(client.key, "the key of etcd's client certificate") {
        try NIOSSLContext(configuration: configuration)
      }
    }
    return configuration
  }

  private static func certificates(_ path: String, _ what: String) throws(EtcdError) -> [NIOSSLCertificate] {
    let found = try reading(path, what) { try NIOSSLCertificate.fromPEMFile(path) }
    guard !found.isEmpty else { throw .misconfigured("\(what), \(path), has no certificate in it") }
    return found
  }

  private static func reading<Value>(
    _ path: String, _ what: String, _ body: () throws -> Value
  ) throws(EtcdError) -> Value {
    guard access(path, R_OK) == 0 else {
      throw .misconfigured("can't read \(what), \(path): \(String(cString: strerror(errno)))")
    }
    do { return try body() } catch { throw .misconfigured("can't use \(what), \(path): \(error)") }
  }
}
