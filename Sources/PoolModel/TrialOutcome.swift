/// What came of setting one attribute of a VF in a self-test.
public enum TrialOutcome: String, Codable, Hashable, Sendable, CaseIterable {
  /// Set, read back, restored, read back.
  case ok
  /// The driver doesn't offer it, or doesn't report it.
  case unsupported
  /// The kernel or the driver turned the value down.
  case refused
  /// The driver said that it was set, and reports another value.
  case differs
  /// It did not go back to what it was.
  case notRestored
  /// The VF was in no state for it, because of what came before.
  case notTried
}
