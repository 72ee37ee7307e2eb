import Glibc

/// A file that is named on the command line; `-` is standard input.
struct InputFile {
  let name: String

  /// More than any netdef or list is: somebody named the wrong file.
  static let limit = 16 << 20

  init(_ name: String) { self.name = name }

  /// Everything in it.
  func bytes() throws(CommandError) -> [UInt8] {
    let descriptor = name == "-" ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandError(.failed, "can't read \(name)", errno: errno) }
    defer { if descriptor != STDIN_FILENO { close(descriptor) } }
    var bytes: [UInt8] = []
    while true {
      var count = 0
      var cause: Int32 = 0
      bytes += [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, filled in
        count = read(descriptor, buffer.baseAddress, buffer.count)
        cause = errno
        filled = max(0, count)
      }
      if count == 0 { return bytes }
      if count < 0, cause != EINTR { throw CommandError(.failed, "can't read \(name)", errno: cause) }
      if bytes.count > Self.limit {
        throw CommandError(.failed, "\(name) is longer than \(Self.limit >> 20) MiB: not what is read here")
      }
    }
  }
}
