/// What the kernel tells of a device: `bind`, `unbind`, `add`, `remove`, `move`, `change` …
///
/// Source: `kobject_uevent_env` in the kernel's `lib/kobject_uevent.c`.
public struct Uevent: Hashable, Sendable {
  public var action: String
  /// Below `/sys`: `/devices/pci0000:00/0000:00:03.0/0000:01:10.0`.
  public var path: String
  /// `pci`, `net` …
  public var subsystem: String
  /// All `KEY=VALUE` pairs: `DRIVER`, `PCI_SLOT_NAME`, `INTERFACE` …
  public var properties: [String: String]

  /// Reads one message: `ACTION@PATH`, then the pairs, each with a zero byte behind it. Nil for anything else.
  public init?(_ message: some Collection<UInt8>) {
    let parts = message.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    guard let head = parts.first, let at = head.firstIndex(of: "@"), at != head.startIndex else { return nil }
    properties = [:]
    for part in parts.dropFirst() {
      guard let equals = part.firstIndex(of: "=") else { continue }
      properties[String(part[..<equals])] = String(part[part.index(after: equals)...])
    }
    guard let subsystem = properties["SUBSYSTEM"] else { return nil }
    action = String(head[..<at])
    path = String(head[head.index(after: at)...])
    self.subsystem = subsystem
  }
}
