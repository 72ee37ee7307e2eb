import PoolModel

/// udev's rules (`udev(7)`). Where `GOTO` leads isn't followed: a rule that is jumped over may count.
extension ConfigReader {
  mutating func udevRules(of pf: PFIdentity) -> [VFCountWriter] {
    var writers: [VFCountWriter] = []
    for file in files(in: String.folders("udev/rules.d"), suffix: ".rules") {
      guard file.mentions("sriov_numvfs") || file.mentions("RUN") || file.mentions("PROGRAM") else { continue }
      for statement in file.statements() {
        writers += udevRule(UdevToken.all(in: statement.text), file.path, statement.line, pf)
      }
    }
    return writers
  }

  private mutating func udevRule(_ tokens: [UdevToken], _ path: String, _ line: Int, _ pf: PFIdentity)
    -> [VFCountWriter]
  {
    var writers: [VFCountWriter] = []
    lazy var match = tokens.filter(\.isCondition).map { Self.match($0, pf) }.all
    for token in tokens {
      if let device = token.deviceOfVFCount {
        let named = device.isEmpty ? Match.maybe : pf.hasFolder(device)
        guard named != .no, match != .no else { continue }
        writers.append(
          VFCountWriter(kind: .udevRule, path: path, line: line, count: Int(token.value), text: token.text))
      } else if token.isCommand {
        guard match != .no else { continue }
        if let write = CountCommand.find(in: token.value, pf) {
          writers.append(
            VFCountWriter(kind: .udevRule, path: path, line: line, count: write.count, text: token.text))
        } else {
          writers += scripts(in: token.value, pf)
        }
      }
    }
    return writers
  }

  private static func match(_ token: UdevToken, _ pf: PFIdentity) -> Match {
    switch (token.key, token.attribute) {
    case ("KERNEL", _), ("ENV", "INTERFACE"):
      token.match { pattern in [pf.hadKernelName(pattern), isAddress(pattern, of: pf)].any }
    case ("KERNELS", _):
      token.match { pattern in
        // The names of the bridges above it count as well.
        pattern.hasPrefix("pci") ? .maybe : [pf.hadKernelName(pattern), isAddress(pattern, of: pf)].any
      }
    case ("NAME", _), ("ENV", "ID_NET_NAME"): token.match { Match(glob($0, pf.names)) }
    case ("ENV", let name?) where name.hasPrefix("ID_NET_NAME_"): token.match { glob($0, pf.names) ? .yes : .maybe }
    case ("ENV", "ID_PATH"): token.match { pf.hasPath($0) }
    case ("ENV", "ID_NET_DRIVER"), ("DRIVER", _): token.match { pf.hasDriver($0) }
    // The bridge's driver is found as well.
    case ("DRIVERS", _): token.match { glob($0, ["pcieport"]) ? .maybe : pf.hasDriver($0) }
    case ("ATTR", "address"), ("ATTRS", "address"): token.match { pf.hasMAC($0) }
    case ("SUBSYSTEM", _), ("SUBSYSTEMS", _):
      // A rule for a driver or a module may be about all of its cards.
      token.match { Match(glob($0, ["net", "pci", "drivers", "module"])) }
    default: .maybe
    }
  }

  private static func isAddress(_ pattern: String, of pf: PFIdentity) -> Match {
    Match(pf.pci.map { glob(pattern, ["\($0)"]) } ?? false)
  }
}

extension UdevToken {
  fileprivate var isCommand: Bool { !isCondition && (key == "RUN" || key == "IMPORT") || key == "PROGRAM" }

  /// Nil unless it writes a VF count: of the device that `ATTR{[net/enp1s0]device/sriov_numvfs}` names, or, when that
  /// is empty, of the rule's.
  fileprivate var deviceOfVFCount: Substring? {
    guard key == "ATTR", !isCondition, let attribute, attribute.hasSuffix("sriov_numvfs") else { return nil }
    guard attribute.hasPrefix("["), let end = attribute.firstIndex(of: "]") else { return "" }
    return attribute[..<end].split(separator: "/").last ?? ""
  }
}
