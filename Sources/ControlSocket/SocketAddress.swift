import Glibc

/// The address of a Unix socket in the file system.
struct SocketAddress {
  private var address = sockaddr_un()

  /// How many bytes a path may have; the field holds a closing zero too (unix(7)).
  static let capacity = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// Nil when `path` is empty or too long.
  init?(path: String) {
    let bytes = Array(path.utf8)
    guard (1...Self.capacity).contains(bytes.count) else { return nil }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
  }

  /// The C call's result; on −1 `errno` is set.
  func connect(_ descriptor: Int32) -> Int32 { withPointer { Glibc.connect(descriptor, $0, $1) } }

  /// The C call's result; on −1 `errno` is set.
  func bind(_ descriptor: Int32) -> Int32 { withPointer { Glibc.bind(descriptor, $0, $1) } }

  private func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}
