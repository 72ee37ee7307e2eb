/// Which etcd, and who asks.
public struct EtcdConfiguration: Hashable, Sendable {
  public struct User: Hashable, Sendable {
    public var name: String
    public var password: String

    public init(name: String, password: String) {
      self.name = name
      self.password = password
    }
  }

  /// PEM files; read again when they have changed.
  public struct ClientCertificate: Hashable, Sendable {
    /// The certificate, then those between it and the authority.
    public var certificate: String
    public var key: String

    public init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }
  }

  /// One a member; at least one.
  public var endpoints: [EtcdEndpoint]
  public var user: User?
  /// A PEM file with the authorities that may have signed the members' certificates; nil: the system's. Read again when
  /// it has changed.
  public var certificateAuthority: String?
  public var clientCertificate: ClientCertificate?
  /// Within which a request is done or fails, on however many members it is tried.
  public var requestTimeout = Duration.seconds(2)
  /// Whether to begin with any of the endpoints: many hosts with one configuration then spread over the members.
  public var startsAnywhere = true
  /// After how long without a sign of its member a watch asks it whether it still serves.
  public var watchProbeInterval = Duration.seconds(30)

  public init(endpoints: [EtcdEndpoint]) { self.endpoints = endpoints }
}

extension EtcdConfiguration.User: CustomStringConvertible, CustomDebugStringConvertible {
  /// Without the password.
  public var description: String { name }
  public var debugDescription: String { name }
}
