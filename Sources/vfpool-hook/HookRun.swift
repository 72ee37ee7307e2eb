import ControlSocket
import Glibc

/// What libvirt's hook does in one run: asks vfpoold, and lets libvirt go on unless the answer is a refusal.
///
/// Nothing is ever written to stdout: libvirt takes a qemu hook's output for a new domain XML.
struct HookRun {
  let arguments: [String]

  /// The kill switch: while this file exists, libvirt works as if vfpool weren't there.
  private static let bypass = "/run/vfpool/bypass"

  /// 0 lets libvirt go on, 1 refuses.
  func exitCode() -> Int32 {
    guard let call = HookCall(arguments: arguments), let step = call.step, access(Self.bypass, F_OK) != 0 else {
      return 0
    }
    let configuration = Self.configuration()
    let deadline = Deadline(milliseconds: configuration.deadline(of: step))
    guard let xml = HookInput.read(until: deadline) else {
      debug("libvirt's XML did not come whole in time or is longer than \(HookInput.limit) bytes")
      return 0
    }
    guard call.concerns(xml), let left = deadline.remainingMilliseconds, left > 0 else { return 0 }
    let request = UnixHTTP.Request(
      method: "POST", target: call.target,
      headers: [("Content-Type", "application/xml"), ("Vfpool-Deadline", String(deadline.monotonicNanoseconds))],
      body: xml)
    do {
      let response = try UnixHTTP(path: configuration.socket).send(request, timeoutMilliseconds: left)
      if response.status == 409, step.mayRefuse {
        say(response.body)
        return 1
      }
      if !(200..<300).contains(response.status) { debug("vfpoold answered with status \(response.status)") }
    } catch {
      debug(error.description)
    }
    return 0
  }

  private static func configuration() -> HookConfiguration {
    let path = getenv("VFPOOL_CONF").map { String(cString: $0) } ?? HookConfiguration.defaultPath
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return HookConfiguration() }
    defer { close(descriptor) }
    let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, filled in
      filled = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
    }
    return HookConfiguration(text: String(decoding: bytes, as: UTF8.self))
  }

  /// libvirt shows what comes on stderr to whoever started the guest.
  private func say(_ text: [UInt8]) {
    var left = text.last == UInt8(ascii: "\n") ? text[...] : text + [UInt8(ascii: "\n")]
    while !left.isEmpty {
      let count = left.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count > 0 { left.removeFirst(count) } else if count == 0 || errno != EINTR { return }
    }
  }

  private func debug(_ text: String) {
    if getenv("VFPOOL_HOOK_DEBUG") != nil { say(Array("vfpool-hook: \(text)".utf8)) }
  }
}
