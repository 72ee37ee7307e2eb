import Glibc

/// One run of libvirt's hook: who is concerned, and what happens to it.
///
/// Source: libvirt's `docs/hooks.rst`; the words are those of `src/util/virhook.c`.
public struct HookCall: Hashable, Sendable {
  /// The libvirt driver that runs the hook; `daemon` is libvirt's daemon itself.
  public enum Driver: String, Hashable, Sendable { case qemu, network, daemon }

  public var driver: Driver
  /// The guest's or network's name.
  public var object: String
  /// `prepare`, `port-created` …
  public var operation: String
  /// `begin`, `end` or `-`.
  public var suboperation: String

  /// Reads a program's arguments, its own name first: `…/qemu.d/50-vfpool GUEST prepare begin -`.
  ///
  /// The driver is the name's folder (`qemu.d`, `network.d`, `daemon.d`) or the name itself (`qemu`, …), else the value of
  /// a leading `--driver`. Nil when it is neither or when arguments are missing.
  public init?(arguments: [String]) {
    guard let name = arguments.first else { return nil }
    var rest = arguments.dropFirst()
    if let driver = Self.driver(ofProgram: name) {
      self.driver = driver
    } else if rest.first == "--driver", let driver = rest.dropFirst().first.flatMap(Driver.init) {
      self.driver = driver
      rest = rest.dropFirst(2)
    } else {
      return nil
    }
    let words = Array(rest)
    guard words.count >= 3 else { return nil }
    object = words[0]
    operation = words[1]
    suboperation = words[2]
  }

  private static func driver(ofProgram name: String) -> Driver? {
    let parts = name.split(separator: "/")
    guard let file = parts.last else { return nil }
    if let driver = Driver(rawValue: String(file)) { return driver }
    guard let folder = parts.dropLast().last, folder.hasSuffix(".d") else { return nil }
    return Driver(rawValue: String(folder.dropLast(2)))
  }

  /// The step that vfpoold wants to hear of; nil = none, whatever the XML says.
  public var step: HookStep? {
    switch (driver, operation, suboperation) {
    case (.qemu, "prepare", "begin"): .prepare
    case (.qemu, "start", "begin"): .start
    case (.qemu, "migrate", "begin"): .migrate
    case (.qemu, "release", "end"): .release
    case (.network, "port-created", "begin"): .portCreated
    case (.network, "port-deleted", "begin"): .portDeleted
    case (.network, "started", "begin"), (.network, "stopped", "end"), (.network, "updated", "begin"): .network
    case (.daemon, "reload", _): .reload
    // `reconnect` among them: libvirt kills a running guest whose reconnect hook fails.
    default: nil
    }
  }

  /// Whether `xml`, what libvirt wrote to the hook's stdin, can have to do with a VF at all.
  ///
  /// A search for bytes, not a parse: it may say yes too often, never no too often.
  public func concerns(_ xml: [UInt8]) -> Bool {
    switch driver {
    case .qemu:
      Self.interfaceMarks.contains { xml.contains(bytesOf: $0) }
    case .daemon: true
    case .network:
      xml.contains(bytesOf: "hostdev") && !(step != .network && Self.holdMarks.allSatisfy { xml.contains(bytesOf: $0) })
    }
  }

  private static let interfaceMarks = [
    "type='network'", "type='hostdev'", "type=\"network\"", "type=\"hostdev\"", "<hostdev",
  ]

  /// The owner of the ports that vfpoold makes for itself: name and UUID.
  static let holdMarks = ["<name>vfpool-hold</name>", "76667f00-6c64-4000-8000-7666706f6f6c"]

  /// The request's target on vfpoold's socket.
  public var target: String {
    "/v1/hooks/\(driver.rawValue)?object=\(percentEncoded(object))&op=\(percentEncoded(operation))"
      + "&subop=\(percentEncoded(suboperation))"
  }
}

extension [UInt8] {
  fileprivate func contains(bytesOf text: String) -> Bool {
    let wanted = Array(text.utf8)
    guard let first = wanted.first else { return true }
    return withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      var rest = bytes[...]
      while rest.count >= wanted.count {
        guard let hit = memchr(base + rest.startIndex, Int32(first), rest.count - wanted.count + 1) else {
          return false
        }
        if memcmp(hit, wanted, wanted.count) == 0 { return true }
        rest = rest[(UnsafeRawPointer(hit) - base + 1)...]
      }
      return false
    }
  }
}
