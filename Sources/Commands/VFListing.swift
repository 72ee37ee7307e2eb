import ControlAPI
import Glibc

/// `vfpool vf list --json`, whose answer goes out as vfpoold sent it.
///
/// Monitoring asks for it again and again, and reading the arguments with ArgumentParser takes longer than all the rest: it
/// looks at every type of every verb.
struct VFListing {
  var pf: String?
  var counters = false
  var client = ControlClient.ofHost

  /// Reads `vf list --json` with `--pf`, `--counters` and `--socket`, each once at most; nil for anything else, which
  /// ArgumentParser knows.
  init?(_ arguments: [String]) {
    guard arguments.starts(with: ["vf", "list"]) else { return nil }
    var rest = arguments.dropFirst(2)
    var (isJSON, socket) = (false, String?.none)
    func name() -> String? { rest.popFirst().flatMap { $0.isEmpty || $0.hasPrefix("-") ? nil : $0 } }
    while let argument = rest.popFirst() {
      switch argument {
      case "--json" where !isJSON: isJSON = true
      case "--counters" where !counters: counters = true
      case "--pf":
        guard pf == nil, let name = name() else { return nil }
        pf = name
      case "--socket":
        guard socket == nil, let name = name() else { return nil }
        socket = name
        client = ControlClient(readWrite: name, readOnly: nil)
      default: return nil
      }
    }
    guard isJSON else { return nil }
  }

  init(pf: String?, counters: Bool, client: ControlClient) {
    self.pf = pf
    self.counters = counters
    self.client = client
  }

  func run() throws {
    let json = try client.vfsJSON(pf: pf, counters: counters)
    Console.current.pass(json)
    Console.current.write("\n")
    // Only then is it worth decoding.
    if json.contains("Complete\": false") { try VFList.complain(client.vfs(json: json)) }
  }
}

extension [UInt8] {
  /// Quick where the first letter of `text` is rare.
  fileprivate func contains(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    return withUnsafeBytes { bytes in
      var rest = bytes[...]
      while rest.count >= length, let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress,
        let found = memchr(start, Int32(text.utf8Start.pointee), rest.count - length + 1)
      {
        if memcmp(found, text.utf8Start, length) == 0 { return true }
        rest = rest.dropFirst(UnsafeRawPointer(found) - start + 1)
      }
      return false
    }
  }
}
