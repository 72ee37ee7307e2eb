import Glibc

/// What is mounted or swapped to, as the host sees it, not only this service in its own mount namespace.
public struct HostMounts: Hashable, Sendable {
  /// Mount points by block device number, `254:1`; of several the first one.
  public var places: [String: String] = [:]
  /// Mount points by the block device's name, `sda2`: btrfs has device numbers of its own.
  public var placesByName: [String: String] = [:]
  /// Block devices by name, `dm-1`.
  public var swaps: Set<String> = []

  public init() {}

  /// Reads procfs. Fails when it has neither list of mounts.
  public init(procRoot: String) throws(SysfsError) {
    let host = try? ProcFile.read(procRoot + "/1/mountinfo")
    let own = host == nil ? try ProcFile.read(procRoot + "/self/mountinfo") : ""
    take(mountinfo: host ?? own)
    if let swaps = try? ProcFile.read(procRoot + "/swaps") { take(swaps: swaps) }
  }

  /// Lines as `proc(5)` has them: `36 35 98:0 /mnt1 /mnt2 rw master:1 - ext3 /dev/root rw`.
  mutating func take(mountinfo: String) {
    for line in mountinfo.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 6, let dash = words.firstIndex(of: "-"), dash + 2 < words.count else { continue }
      let (number, place, source) = (String(words[2]), Self.plain(words[4]), Self.plain(words[dash + 2]))
      if places[number] == nil { places[number] = place }
      if let name = Self.deviceName(source), placesByName[name] == nil { placesByName[name] = place }
    }
  }

  /// Lines as `proc(5)` has them: `/dev/dm-1 partition 999420 0 -2`, below a line of titles.
  mutating func take(swaps text: String) {
    for line in text.split(separator: "\n").dropFirst() {
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.count > 1, words[1] == "partition", let name = Self.deviceName(Self.plain(words[0])) {
        swaps.insert(name)
      }
    }
  }

  /// `sda2` for `/dev/sda2`, `dm-0` for `/dev/mapper/vg-root`; nil for what is no device node.
  private static func deviceName(_ path: String) -> String? {
    guard path.hasPrefix("/dev/") else { return nil }
    guard let resolved = realpath(path, nil) else { return path.split(separator: "/").last.map(String.init) }
    defer { free(resolved) }
    return String(cString: resolved).split(separator: "/").last.map(String.init)
  }

  /// Without procfs' escapes: `\040` is a blank.
  private static func plain(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.count >= 3,
        let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
      {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
