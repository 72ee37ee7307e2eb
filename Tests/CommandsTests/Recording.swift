import PoolModel
import Synchronization

@testable import Commands

/// A console that keeps what was said.
final class Recording: Sendable {
  private struct Said: Sendable {
    var out = ""
    var err = ""
    var questions: [String] = []
  }
  private let said = Mutex(Said())
  private let answer: Bool?

  /// `answer` is given to every question; nil = nobody is there.
  init(answer: Bool? = nil) { self.answer = answer }

  var out: String { said.withLock { $0.out } }
  var err: String { said.withLock { $0.err } }
  var questions: [String] { said.withLock { $0.questions } }

  static let now = Timestamp(milliseconds: 1_000_000_000)

  var console: Console {
    var ask: (@Sendable (String) -> Bool)?
    if let answer {
      ask = { question in
        self.said.withLock { $0.questions.append(question) }
        return answer
      }
    }
    return Console(
      write: { text in self.said.withLock { $0.out += text } },
      pass: { bytes in self.said.withLock { $0.out += String(decoding: bytes, as: UTF8.self) } },
      complain: { text in self.said.withLock { $0.err += text } },
      ask: ask, style: .plain, showsProgress: false, now: { Self.now })
  }

  /// Runs `vfpool` with these arguments; returns its exit code.
  func run(_ arguments: [String]) -> Int32 { Console.$current.withValue(console) { Program.run(arguments) } }
}
