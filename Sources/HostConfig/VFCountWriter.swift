/// Somebody else's setting of a PF's VF count, in a file.
public struct VFCountWriter: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Hashable, Sendable {
    /// systemd's `.link` files
    case linkFile
    case netplan
    /// NetworkManager's profiles, also `ifcfg` files
    case networkManager
    case udevRule
    /// systemd's services
    case unit
    /// Whatever else runs at boot, or when an interface comes.
    case script
    case tmpfiles
    /// `options` of a kernel module, also on the kernel's command line
    case moduleOption
  }

  public var kind: Kind
  /// As on the host, without the root folder that was looked into.
  public var path: String
  /// Counted from 1; of a setting that goes over several lines the first.
  public var line: Int
  /// Nil when it isn't a plain number: a variable, a command.
  public var count: Int?
  /// The setting as it stands there, shortened when it is long.
  public var text: String

  public init(kind: Kind, path: String, line: Int, count: Int?, text: String) {
    self.kind = kind
    self.path = path
    self.line = line
    self.count = count
    self.text = text.shortened
  }

  /// `/etc/systemd/network/10-sriov.link:5: SR-IOVVirtualFunctions=4`
  public var description: String { "\(path):\(line): \(text)" }
}

/// Somebody else's setting of what VFs are set to, or of the switch between them, in a file.
public struct VFSettingsWriter: Hashable, Sendable, CustomStringConvertible {
  /// As on the host, without the root folder that was looked into.
  public var path: String
  /// Counted from 1.
  public var line: Int
  /// The VF's index; nil = all of the PF's.
  public var vf: Int?
  /// The setting as it stands there, shortened when it is long.
  public var text: String

  public init(path: String, line: Int, vf: Int?, text: String) {
    self.path = path
    self.line = line
    self.vf = vf
    self.text = text.shortened
  }

  public var description: String { "\(path):\(line): \(text)" }
}
