import Foundation
import Synchronization

/// An etcd process, which ends with this object, and with the test's process however that ends.
final class EtcdMember: Sendable {
  private struct Running: @unchecked Sendable {
    /// Closed, it ends the process.
    var leash: Pipe
    var shell: Process
    var pid: pid_t
  }

  let name: String
  let clientURL: String
  let peerURL: String
  private let words: [String]
  private let log: String
  private let running = Mutex<Running?>(nil)

  /// `words`: the command; what it writes is added to the file `log`.
  init(name: String, clientURL: String, peerURL: String, words: [String], log: String) {
    self.name = name
    self.clientURL = clientURL
    self.peerURL = peerURL
    self.words = words
    self.log = log
  }

  deinit { kill() }

  /// Ends what it was told to run when there is nothing more to read: the test's process closed the pipe, or is gone.
  private static let keeper = """
    log=$1; shift; "$@" < /dev/null >> "$log" 2>&1 & echo $!; exec > /dev/null; read -r _; kill -KILL $!; wait
    """

  func start() throws {
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", Self.keeper, "sh", log] + words
    let leash = Pipe()
    let output = Pipe()
    shell.standardInput = leash
    shell.standardOutput = output
    shell.standardError = FileHandle.nullDevice
    // A thread of the tests may block the signal for which the shell waits.
    var none = sigset_t()
    var blocked = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &blocked)
    defer { pthread_sigmask(SIG_SETMASK, &blocked, nil) }
    try shell.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    guard let pid = pid_t(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw Command.Failure(command: words.joined(separator: " "), output: line)
    }
    running.withLock { $0 = Running(leash: leash, shell: shell, pid: pid) }
  }

  /// As a power cut would end it; returns when it is gone.
  func kill() {
    running.withLock { running in
      if let pid = running?.pid { Glibc.kill(pid, SIGKILL) }
      try? running?.leash.fileHandleForWriting.close()
      running?.shell.waitUntilExit()
      running = nil
    }
  }

  /// Until `resume` it does nothing; its connections stay.
  func pause() { signal(SIGSTOP) }
  func resume() { signal(SIGCONT) }

  private func signal(_ number: Int32) {
    running.withLock { running in if let running { Glibc.kill(running.pid, number) } }
  }

  var isRunning: Bool { running.withLock { $0 != nil } }
}
