import Foundation

/// The example pools of the repository.
enum Netdefs {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "netdefs")

  static func xml(_ name: String) throws -> String {
    try String(contentsOf: folder.appending(path: "\(name).xml"), encoding: .utf8)
  }
}
