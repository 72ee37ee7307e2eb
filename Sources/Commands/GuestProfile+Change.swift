import FoundationEssentials
import HostConfig

extension GuestProfile {
  static let lines = ["# vfpool: the VFs of pools, which libvirt's helper doesn't name", "/dev/vfio/* rw,"]

  /// Lets guests open VFs from their next start on; whether that had to be written. Nothing is done where AppArmor has no
  /// rules for guests, or where they allow it already.
  func allow() throws(CommandError) -> Bool {
    guard forbidsVFs else { return false }
    let text = text ?? ""
    let newline = text.isEmpty || text.hasSuffix("\n") ? "" : "\n"
    try write(text + newline + Self.lines.joined(separator: "\n") + "\n")
    return true
  }

  /// Takes out what `allow` wrote; whether there was anything.
  func forbid() throws(CommandError) -> Bool {
    guard let text else { return false }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let place = lines.indices.first(where: { lines[$0...].starts(with: Self.lines) }) else { return false }
    lines.removeSubrange(place..<(place + Self.lines.count))
    try write(lines.joined(separator: "\n"))
    return true
  }

  private func write(_ text: String) throws(CommandError) {
    do {
      let folder = path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex)
      try FileManager.default.createDirectory(atPath: String(folder), withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw CommandError(.failed, "can't write \(path): \(error)")
    }
  }
}
