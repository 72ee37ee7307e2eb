import FoundationEssentials

/// AppArmor's rules for every guest, where a host has them.
///
/// libvirt's helper writes a profile for each guest, and names in it the VFs of `<hostdev>` and
/// `<interface type='hostdev'>`, but not the one that a network hands out: such a guest may not open its VF
/// (“/dev/vfio/9: Permission denied”), and does not start.
struct GuestProfile: Sendable {
  /// Before every path; empty but in tests.
  var root = ""

  /// What the profiles of all guests include.
  var abstraction: String { "\(root)/etc/apparmor.d/abstractions/libvirt-qemu" }
  private var folder: String { "\(root)/etc/apparmor.d/local/abstractions" }
  /// The admin's additions to it.
  var path: String { "\(folder)/libvirt-qemu" }

  static let lines = ["# vfpool: the VFs of pools, which libvirt's helper doesn't name", "/dev/vfio/* rw,"]

  /// Lets guests open VFs from their next start on; whether that had to be written. Nothing is done where AppArmor has no
  /// rules for guests, or where they allow it already.
  func allow() throws(CommandError) -> Bool {
    guard FileManager.default.fileExists(atPath: abstraction) else { return false }
    let text = current ?? ""
    guard !text.split(separator: "\n").contains(where: { $0.drop(while: \.isWhitespace).hasPrefix("/dev/vfio/") })
    else { return false }
    let newline = text.isEmpty || text.hasSuffix("\n") ? "" : "\n"
    try write(text + newline + Self.lines.joined(separator: "\n") + "\n")
    return true
  }

  /// Takes out what `allow` wrote; whether there was anything.
  func forbid() throws(CommandError) -> Bool {
    guard let text = current else { return false }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let place = lines.indices.first(where: { lines[$0...].starts(with: Self.lines) }) else { return false }
    lines.removeSubrange(place..<(place + Self.lines.count))
    try write(lines.joined(separator: "\n"))
    return true
  }

  private var current: String? { try? String(contentsOfFile: path, encoding: .utf8) }

  private func write(_ text: String) throws(CommandError) {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw CommandError(.failed, "can't write \(path): \(error)")
    }
  }
}
