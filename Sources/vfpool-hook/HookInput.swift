import ControlSocket
import Glibc

/// The XML that libvirt writes to the hook's stdin.
enum HookInput {
  /// The most bytes that are read.
  static let limit = 10 << 20

  /// All of stdin; nil when its end doesn't come in time, it is longer than `limit`, or can't be read.
  static func read(until deadline: Deadline) -> [UInt8]? {
    var input: [UInt8] = []
    while true {
      var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      let ready = poll(&entry, 1, Int32(deadline.remainingMilliseconds ?? 0))
      if ready == 0 { return nil }
      var count = ready
      if ready > 0 {
        var got = 0
        input += [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, filled in
          got = Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
          filled = max(0, got)
        }
        if got == 0 { return input }
        count = got < 0 ? -1 : 1
      }
      if count < 0, errno != EINTR { return nil }
      if input.count > limit { return nil }
    }
  }
}
