import Glibc
import Synchronization

/// A plan carried out on the process itself.
///
/// A plan can also lie in a file, and then is in force for as long as the file does: it is read anew, and the counting
/// begins, when the file is written; and when a rule strikes that doesn't repeat, the file is removed first. So a process
/// that systemd starts again after a kill isn't killed again.
public final class FaultRun: Sendable {
  private struct State {
    var counter: FaultCounter
    /// Of the file that the plan was read from.
    var version: FileVersion?
  }

  private struct FileVersion: Equatable {
    var inode: ino_t
    var seconds: Int
    var nanoseconds: Int

    /// Nil when there is no such file.
    init?(_ path: String) {
      var info = stat()
      guard stat(path, &info) == 0 else { return nil }
      inode = info.st_ino
      seconds = info.st_mtim.tv_sec
      nanoseconds = info.st_mtim.tv_nsec
    }
  }

  private let file: String?
  private let state: Mutex<State>

  /// `text`: a plan, or `@FILE`.
  public init(_ text: String) throws(FaultPlan.Problem) {
    file = text.first == "@" ? String(text.dropFirst()) : nil
    state = Mutex(State(counter: FaultCounter(try file == nil ? FaultPlan(text) : FaultPlan())))
  }

  /// Passes a point: kills the process, throws, or does nothing.
  public func pass(_ point: FaultPoint) throws {
    let (rule, total, trace) = state.withLock { state in
      readAnew(&state)
      if file != nil, state.version == nil { return (FaultPlan.Rule?.none, 0, String?.none) }
      let rule = state.counter.pass(point)
      return (rule, state.counter.total, state.counter.plan.trace)
    }
    if let trace { append("\(total) \(point)\n", to: trace) }
    guard let rule else { return }
    if let file, !rule.repeats { unlink(file) }
    say("fault at \(point), point \(total)")
    switch rule.fault {
    case .kill:
      kill(getpid(), SIGKILL)
      while true { pause() }
    case .error(let kind): throw FaultError(kind, at: point).asThrown
    }
  }

  private func readAnew(_ state: inout State) {
    guard let file else { return }
    let version = FileVersion(file)
    guard version != state.version else { return }
    state.version = version
    state.counter = FaultCounter(FaultPlan())
    guard version != nil else { return }
    do { state.counter = FaultCounter(try FaultPlan(contents(of: file))) } catch { say("\(file): \(error)") }
  }

  private func contents(of file: String) -> String {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }

  private func append(_ text: String, to file: String) {
    let descriptor = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return say("\(file) can't be written: \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    _ = Glibc.write(descriptor, text, text.utf8.count)
  }

  private func say(_ text: String) {
    let line = "vfpoold-faults: \(text)\n"
    _ = Glibc.write(STDERR_FILENO, line, line.utf8.count)
  }
}
