/// How a guest has a device.
public enum GuestDeviceKind: String, Codable, Hashable, Sendable, CaseIterable {
  /// As a NIC (`<interface>`).
  case nic
  /// Passed through as it is, by a plain `<hostdev>`.
  case hostdev
}
