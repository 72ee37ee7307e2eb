import Glibc

/// A program that is run without a shell, found by PATH; its errors go to our standard error.
struct Subprocess {
  let arguments: [String]

  init(_ arguments: [String]) { self.arguments = arguments }

  /// What it prints. Throws when it can't be run or doesn't exit with 0.
  func output() throws(CommandError) -> String {
    let name = arguments.first ?? ""
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw CommandError(.failed, "can't run \(name)", errno: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    // We ignore SIGPIPE; an ignored signal would stay ignored in the program.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let failure = posix_spawnp(&process, name, &actions, &attributes, &words, environ)
    close(ends[1])
    defer { close(ends[0]) }
    guard failure == 0 else { throw CommandError(.failed, "can't run \(name)", errno: failure) }

    let text = Self.readAll(ends[0])
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    guard status == 0 else {
      let how = status & 0x7f == 0 ? "exit code \(status >> 8 & 0xff)" : "signal \(status & 0x7f)"
      throw CommandError(.failed, "\(arguments.joined(separator: " ")) failed (\(how))")
    }
    return text
  }

  private static func readAll(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    while true {
      var count = 0
      bytes += [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
        repeat { count = read(descriptor, buffer.baseAddress, buffer.count) } while count < 0 && errno == EINTR
        filled = max(0, count)
      }
      if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
    }
  }
}
