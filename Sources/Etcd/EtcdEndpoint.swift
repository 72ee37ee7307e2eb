import Glibc

/// Where a member answers clients: `https://host:port`.
public struct EtcdEndpoint: Hashable, Sendable {
  public let isSecure: Bool
  /// A name or an address; an IPv6 address without brackets.
  public let host: String
  public let port: Int

  /// Where members listen unless told otherwise.
  public static let standardPort = 2379

  /// `https://host:port`, or `http://…` for a loopback address; the port may be left out. Throws `.misconfigured`.
  public init(_ text: String) throws(EtcdError) {
    func wrong(_ why: String) -> EtcdError { .misconfigured("the etcd endpoint “\(text)” \(why)") }
    let halves = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    guard halves.count == 2 else { throw wrong("does not begin with https://") }
    switch halves[0].lowercased() {
    case "https": isSecure = true
    case "http": isSecure = false
    default: throw wrong("does not begin with https://")
    }
    let rest = halves[1].hasSuffix("/") ? halves[1].dropLast() : halves[1]
    guard let (host, port) = Self.parts(rest) else { throw wrong("is not https://HOST:PORT") }
    self.host = host
    guard let port else { throw wrong("has no port from 1 to 65535") }
    self.port = port
    guard isSecure || Self.isLoopback(host) else {
      throw wrong("is not encrypted: only https:// may leave this host, http:// is for 127.0.0.1, ::1 and localhost")
    }
  }

  /// Nil: neither is readable; a nil port: only the port isn't.
  private static func parts(_ text: Substring) -> (host: String, port: Int?)? {
    var host = text
    var digits: Substring?
    if text.first == "[" {
      guard let close = text.firstIndex(of: "]") else { return nil }
      host = text[text.index(after: text.startIndex)..<close]
      let rest = text[text.index(after: close)...]
      guard address(String(host), AF_INET6) != nil, rest.isEmpty || rest.first == ":" else { return nil }
      if !rest.isEmpty { digits = rest.dropFirst() }
    } else {
      if let colon = text.firstIndex(of: ":") {
        host = text[..<colon]
        digits = text[text.index(after: colon)...]
      }
      let isName = host.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
          true
        default: false
        }
      }
      guard !host.isEmpty, isName else { return nil }
    }
    guard let digits else { return (String(host), standardPort) }
    let isNumber = !digits.isEmpty && digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return (String(host), isNumber ? Int(digits).flatMap { (1...65_535).contains($0) ? $0 : nil } : nil)
  }

  /// The bytes of an address in its usual notation, in the order of the wire.
  private static func address(_ text: String, _ family: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: family == AF_INET ? 4 : 16)
    return inet_pton(family, text, &bytes) == 1 ? bytes : nil
  }

  /// 127.0.0.0/8, ::1, and the name that every host gives them.
  private static func isLoopback(_ host: String) -> Bool {
    if let bytes = address(host, AF_INET) { return bytes[0] == 127 }
    if let bytes = address(host, AF_INET6) { return bytes.last == 1 && bytes.dropLast().allSatisfy { $0 == 0 } }
    return host.lowercased() == "localhost"
  }
}

extension EtcdEndpoint: CustomStringConvertible {
  /// As it is written in a configuration, the port always there.
  public var description: String {
    "\(isSecure ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }
}
