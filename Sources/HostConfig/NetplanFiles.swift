/// netplan's files, which are read as one: what a later one says takes the place of what an earlier one did.
extension ConfigReader {
  /// A file hides those of the same name in the folders behind its own.
  private static let folders = ["/run/netplan", "/etc/netplan", "/usr/lib/netplan", "/lib/netplan"]
  private static let countKey = "virtual-function-count"

  /// A setting, and where it stands.
  private struct Setting {
    var path: String
    var line: Int
    var value: YAMLNode
    var scalar: String { value.scalar ?? "" }
  }

  /// What the files say of one Ethernet, by key; those of `match` as `match.KEY`.
  private typealias Ethernet = [String: Setting]

  mutating func netplan(of pf: PFIdentity) -> (counts: [VFCountWriter], settings: [VFSettingsWriter]) {
    var ethernets: [String: Ethernet] = [:]
    for file in files(in: Self.folders, suffix: ".yaml") { read(file, into: &ethernets) }
    var counts: [VFCountWriter] = []
    var settings: [VFSettingsWriter] = []
    for (id, ethernet) in ethernets.sorted(by: { $0.key < $1.key }) where Self.match(id, ethernet, pf) != .no {
      // A device that names this one as its link is a VF of it.
      let links = ethernets.values.compactMap { $0["link"] }.filter { $0.scalar == id }
        .sorted { ($0.path, $0.line) < ($1.path, $1.line) }
      if let count = Self.count(of: id, ethernet[Self.countKey], links) { counts.append(count) }
      if let mode = ethernet["embedded-switch-mode"] {
        settings.append(
          VFSettingsWriter(path: mode.path, line: mode.line, vf: nil, text: "embedded-switch-mode: \(mode.scalar)"))
      }
    }
    return (counts, settings)
  }

  private mutating func read(_ file: TextFile, into ethernets: inout [String: Ethernet]) {
    let counts = file.statements().filter { $0.text.contains(Self.countKey) }
    do throws(YAMLProblem) {
      let root = try YAMLReader.read(file.lines)
      var isFound = false
      for entry in root["network"]?["ethernets"]?.pairs ?? [] {
        // Others may name it as their link.
        ethernets[entry.key] = ethernets[entry.key] ?? [:]
        for pair in entry.value.pairs {
          if pair.key == Self.countKey { isFound = true }
          let settings = pair.key == "match" ? pair.value.pairs.map { ("match.\($0.key)", $0) } : [(pair.key, pair)]
          // An empty match matches all.
          if pair.key == "match" {
            ethernets[entry.key, default: [:]]["match"] = Setting(path: file.path, line: pair.line, value: pair.value)
          }
          for (key, setting) in settings {
            ethernets[entry.key, default: [:]][key] = Setting(
              path: file.path, line: setting.line, value: setting.value)
          }
        }
      }
      if let first = counts.first, !isFound {
        problems.append("\(file.path):\(first.line): \(first.text.shortened): it belongs to none of network.ethernets")
      }
    } catch {
      if counts.isEmpty { return }
      problems.append("\(file.path) sets a \(Self.countKey), but line \(error.line) can't be read: \(error.text)")
    }
  }

  /// netplan makes as many VFs as the greater of the number that is set and that of the devices linked to the PF; none
  /// is no setting.
  private static func count(of id: String, _ explicit: Setting?, _ links: [Setting]) -> VFCountWriter? {
    if let explicit {
      let number = Int(explicit.scalar)
      if number.map({ $0 > 0 && $0 >= links.count }) ?? true {
        return VFCountWriter(
          kind: .netplan, path: explicit.path, line: explicit.line, count: number,
          text: "\(countKey): \(explicit.scalar)")
      }
    }
    return links.first.map {
      VFCountWriter(
        kind: .netplan, path: $0.path, line: $0.line, count: links.count,
        text: "link: \(id) (\(links.count) \(links.count == 1 ? "VF" : "VFs"))")
    }
  }

  private static func match(_ id: String, _ ethernet: Ethernet, _ pf: PFIdentity) -> Match {
    guard ethernet["match"] != nil else { return Match(pf.names.contains(id)) }
    // Once it is renamed, its name before, by which it was matched, is gone.
    if let name = ethernet["set-name"]?.scalar, pf.names.contains(name) { return .yes }
    return ethernet.filter { $0.key.hasPrefix("match.") }.map { key, setting -> Match in
      let values = setting.value.scalars
      switch key.dropFirst("match.".count) {
      case "name": return Match(values.contains { glob($0, pf.names) })
      case "macaddress": return values.map { pf.hasMAC($0) }.any
      case "driver": return values.map { pf.hasDriver($0) }.any
      default: return .maybe
      }
    }.all
  }
}
