import Dispatch
import Netlink

/// What devlink tells of a card's switch.
struct CardSwitch {
  /// `legacy` or `switchdev`
  var mode: String
  /// The interface index of each VF's representor.
  var representors: [Int: Int32] = [:]
}

/// Reads all cards' switches, on a thread of its own: a card that is making VFs lets devlink wait, and hooks must not.
final class CardSwitches: Sendable {
  private let queue = DispatchQueue(label: "vfpool.devlink")
  /// Nil: the kernel has no devlink. Only the queue touches it.
  private nonisolated(unsafe) let devlink: DevlinkSocket?

  init(_ devlink: DevlinkSocket?) { self.devlink = devlink }

  /// As they are now: of a changed mode no uevent tells.
  func read() async -> [DevlinkDevice: CardSwitch] {
    if devlink == nil { return [:] }
    return await queue.run { self.readNow() }
  }

  private func readNow() -> [DevlinkDevice: CardSwitch] {
    guard let devlink else { return [:] }
    var found: [DevlinkDevice: CardSwitch] = [:]
    for device in (try? devlink.devices()) ?? [] {
      if let mode = try? devlink.eswitchMode(of: device) { found[device] = CardSwitch(mode: mode) }
    }
    guard found.values.contains(where: { $0.mode == "switchdev" }) else { return found }
    for (device, representors) in (try? devlink.representors()) ?? [:] { found[device]?.representors = representors }
    return found
  }
}
