/// Devices that running guests were asked to let go. They answer when they like, or never.
struct Unplugs {
  /// A device of a running guest.
  struct Device: Hashable {
    /// The UUID.
    var guest: String
    /// Its name in the guest's live XML.
    var alias: String
  }

  /// What became of a request.
  enum Answer: Hashable {
    case letGo
    case refused
    case guestStopped
    /// Nothing, in time.
    case none
  }

  private struct Request {
    var answer: Answer?
    var waiter: CheckedContinuation<Answer, Never>?
  }

  private var requests: [Device: Request] = [:]
  /// Devices whose guest hasn't answered in time.
  private var ignored: Set<Device> = []

  /// Whether somebody waits for it.
  func isUnderWay(_ device: Device) -> Bool { requests[device] != nil }
  /// Whether its guest was asked and hasn't answered.
  func isAsked(_ device: Device) -> Bool { requests[device] != nil || ignored.contains(device) }

  /// Before the guest is asked: it may answer at once.
  mutating func begin(_ device: Device) {
    requests[device] = Request()
    ignored.remove(device)
  }

  /// Resumes `waiter` with the answer, at once when it has come already.
  mutating func wait(for device: Device, _ waiter: CheckedContinuation<Answer, Never>) {
    guard requests[device] != nil else { return waiter.resume(returning: .none) }
    if let answer = requests[device]?.answer {
      waiter.resume(returning: answer)
    } else {
      requests[device]?.waiter = waiter
    }
  }

  mutating func answer(_ answer: Answer, _ device: Device) {
    if answer != .none { ignored.remove(device) }
    guard let request = requests[device], request.answer == nil else { return }
    requests[device] = Request(answer: answer)
    request.waiter?.resume(returning: answer)
  }

  /// The guest stopped, and all its devices are back.
  mutating func end(ofGuest uuid: String) {
    for device in requests.keys where device.guest == uuid { answer(.guestStopped, device) }
    ignored = ignored.filter { $0.guest != uuid }
  }

  /// No event comes any more.
  mutating func connectionLost() {
    for device in requests.keys { answer(.none, device) }
    ignored = []
  }

  /// Nobody waits any more; `isIgnored`: the guest still has it.
  mutating func end(_ device: Device, isIgnored: Bool) {
    requests[device] = nil
    if isIgnored { ignored.insert(device) }
  }
}
