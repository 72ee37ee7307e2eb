import Foundation
import Synchronization

/// A program that runs to its end.
public enum Command {
  public struct Failure: Error, CustomStringConvertible {
    public var command: String
    public var output: String

    public var description: String { "\(command): \(output)" }
  }

  /// Whether `path` can be run.
  public static func exists(_ path: String) -> Bool { access(path, X_OK) == 0 }

  /// Returns what it wrote; throws when it failed.
  @discardableResult public static func run(_ words: String...) async throws -> String { try await run(words) }

  @discardableResult public static func run(_ words: [String]) async throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    let status = try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Int32, any Error>) in
      process.terminationHandler = { ended.resume(returning: $0.terminationStatus) }
      do { try process.run() } catch {
        process.terminationHandler = nil
        ended.resume(throwing: error)
      }
    }
    // What these programs say fits into a pipe.
    let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    guard status == 0 else { throw Failure(command: words.joined(separator: " "), output: text) }
    return text
  }
}
