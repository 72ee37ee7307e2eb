import Foundation
import Testing

@testable import Daemon

struct WebTokenTests {
  private let path = NSTemporaryDirectory() + "vfpool-token-\(UUID().uuidString)"

  @Test func aMissingOneIsMadeForRootAloneAndStays() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let token = try WebToken.read(path)
    #expect(token.count == 64)
    #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
    #expect(try WebToken.read(path) == token)
  }

  @Test(arguments: [
    ("0123456789abcdef\n", 0o644, "chmod 600"), ("short", 0o600, "shorter"), ("0123456789abcdef gh", 0o600, "blanks"),
  ])
  func anUnsafeOneIsRefused(text: String, rights: Int, why: String) throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: rights], ofItemAtPath: path)
    let error = #expect(throws: WebToken.Unusable.self) { try WebToken.read(path) }
    #expect(error?.description.contains(why) == true)
  }
}
