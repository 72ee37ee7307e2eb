import Foundation
import Glibc

/// The token for reading over TCP.
enum WebToken {
  struct Unusable: Error, CustomStringConvertible { let description: String }

  /// The token in the file at `path`, which only root may read; a file that isn't there is made, with a random one.
  static func read(_ path: String) throws(Unusable) -> String {
    if !FileManager.default.fileExists(atPath: path) { try make(path) }
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw Unusable(description: "the token for web-listen can't be read from \(path)")
    }
    let rights = try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    guard let rights, rights & 0o077 == 0 else {
      throw Unusable(description: "others may read the token for web-listen: chmod 600 \(path)")
    }
    let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard token.count >= 16, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw Unusable(
        description: "the token in \(path) is shorter than 16 characters, or has blanks: "
          + "remove the file, and vfpoold makes another")
    }
    return token
  }

  private static func make(_ path: String) throws(Unusable) {
    var generator = SystemRandomNumberGenerator()
    let digits = (0..<4).map { _ in
      let digits = String(generator.next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    let text = Array((digits.joined() + "\n").utf8)
    guard descriptor >= 0, write(descriptor, text, text.count) == text.count else {
      throw Unusable(description: "\(path) can't be made: \(String(cString: strerror(errno)))")
    }
    close(descriptor)
  }
}
