import Sysfs

/// NetworkManager's profiles: its own key files, and Red Hat's older `ifcfg` ones.
extension ConfigReader {
  mutating func networkManager(of pf: PFIdentity) -> (counts: [VFCountWriter], settings: [VFSettingsWriter]) {
    let keyFiles = keyFiles().filter { Self.match($0, pf) != .no }
    let ifcfg = ifcfgFiles().filter { Self.matchIfcfg($0, pf) != .no }
    return (
      keyFiles.compactMap(Self.count) + ifcfg.compactMap(Self.ifcfgCount),
      keyFiles.flatMap { Self.settings(in: $0, section: "sriov") { $0 != "total-vfs" && $0 != "preserve-on-down" } }
        + ifcfg.flatMap {
          Self.settings(in: $0, section: "") { $0.hasPrefix("SRIOV_") && $0 != "SRIOV_TOTAL_VFS" }
        }
    )
  }

  // MARK: key files

  /// Of profiles with one UUID that in the first folder counts; a link to `/dev/null` named after a UUID takes it away.
  private mutating func keyFiles() -> [SectionedFile] {
    var found: [(name: String, profile: SectionedFile)] = []
    var seen: Set<String> = []
    for folder in ["/etc", "/run", "/usr/lib"].map({ $0 + "/NetworkManager/system-connections" }) {
      let names = names(in: folder)
      // A profile in /etc may be named as it likes.
      for name in names where name.hasSuffix(".nmconnection") || folder.hasPrefix("/etc/") {
        if name.hasPrefix(".") || name.hasSuffix("~") || name.hasSuffix(".nmmeta") { continue }
        guard let file = file("\(folder)/\(name)") else { continue }
        let profile = SectionedFile([file], comments: "#")
        guard seen.insert(profile.value("connection", "uuid") ?? "file \(name)").inserted else { continue }
        found.append((name, profile))
      }
      seen.formUnion(
        names.filter { $0.hasSuffix(".nmmeta") && isMask("\(folder)/\($0)") }.map { String($0.dropLast(7)) })
    }
    return found.sorted { $0.name < $1.name }.map(\.profile)
  }

  /// With the section, but without a number, NetworkManager takes the VFs away.
  private static func count(_ profile: SectionedFile) -> VFCountWriter? {
    if let total = profile.assignments("sriov", "total-vfs").last {
      return VFCountWriter(
        kind: .networkManager, path: total.path, line: total.line, count: Int(total.value), text: total.text)
    }
    return profile.sections.first { $0.name == "sriov" }.map {
      VFCountWriter(
        kind: .networkManager, path: $0.path, line: $0.line, count: 0, text: "[sriov] without total-vfs")
    }
  }

  private static func match(_ profile: SectionedFile, _ pf: PFIdentity) -> Match {
    func value(_ key: String) -> String? {
      profile.value("ethernet", key) ?? profile.value("802-3-ethernet", key)
    }
    var matches: [Match] = []
    if let type = profile.value("connection", "type") {
      matches.append(Match(["ethernet", "802-3-ethernet"].contains(type)))
    }
    if let name = profile.value("connection", "interface-name") { matches.append(Match(pf.netdevs.contains(name))) }
    if let mac = value("mac-address") { matches.append(pf.hasMAC(mac)) }
    for denied in [value("mac-address-denylist"), value("mac-address-blacklist")].compactMap(\.self) {
      matches.append(!denied.split(separator: ";").map { pf.hasMAC($0.trimmed) }.any)
    }
    for key in profile.keys(of: "match") {
      guard let list = profile.value("match", key) else { continue }
      switch key {
      case "interface-name": matches.append(match(list) { Match(glob($0, pf.netdevs)) })
      case "driver": matches.append(match(list) { pf.hasDriver($0) })
      case "path": matches.append(match(list) { pf.hasPath($0) })
      default: matches.append(.maybe)
      }
    }
    // One that names no device is for any of them.
    return min(matches.all, matches.isEmpty ? .maybe : .yes)
  }

  /// A list of patterns with `;`: one of those that stand bare or behind a `|` must hit, and each behind a `&`; a `!`
  /// turns one into its opposite, and stands for `&!` by itself.
  private static func match(_ list: String, _ hits: (String) -> Match) -> Match {
    var optional: [Match] = []
    var mandatory: [Match] = []
    for element in list.split(separator: ";").map(\.trimmed) where !element.isEmpty {
      var rest = element[...]
      let mark = rest.first
      if mark == "|" || mark == "&" { rest.removeFirst() }
      let isTurned = rest.first == "!"
      if isTurned { rest.removeFirst() }
      if rest.first == "\\" { rest.removeFirst() }
      let hit = isTurned ? !hits(String(rest)) : hits(String(rest))
      if mark == "&" || mark == "!" { mandatory.append(hit) } else { optional.append(hit) }
    }
    return min(optional.isEmpty ? .yes : optional.any, mandatory.all)
  }

  // MARK: ifcfg files

  private mutating func ifcfgFiles() -> [SectionedFile] {
    let folder = "/etc/sysconfig/network-scripts"
    let backups = ["~", ".bak", ".orig", ".rej", ".rpmnew", ".rpmsave", ".rpmorig"]
    let names = names(in: folder).filter { name in
      name.hasPrefix("ifcfg-") && !backups.contains { name.hasSuffix($0) }
    }
    return names.compactMap { file("\(folder)/\($0)") }.map { SectionedFile([$0], comments: "#") }
  }

  private static func ifcfgCount(_ file: SectionedFile) -> VFCountWriter? {
    file.assignments("", "SRIOV_TOTAL_VFS").last.map {
      VFCountWriter(
        kind: .networkManager, path: $0.path, line: $0.line, count: Int($0.value.unquoted), text: $0.text)
    }
  }

  private static func matchIfcfg(_ file: SectionedFile, _ pf: PFIdentity) -> Match {
    var matches: [Match] = []
    if let name = file.value("", "DEVICE") { matches.append(Match(pf.netdevs.contains(name.unquoted))) }
    if let mac = file.value("", "HWADDR") { matches.append(pf.hasMAC(mac.unquoted)) }
    if let type = file.value("", "TYPE") { matches.append(Match(type.unquoted.lowercased() == "ethernet")) }
    return matches.all
  }

  // MARK: what VFs are set to

  private static func settings(
    in file: SectionedFile, section: String, where isSetting: (String) -> Bool
  ) -> [VFSettingsWriter] {
    file.entries.filter { $0.section == section && !$0.value.isEmpty && isSetting($0.key) }.map { entry in
      // vf.3 in key files, SRIOV_VF3 in the others
      let index = entry.key.drop { !$0.isNumber }
      return VFSettingsWriter(path: entry.path, line: entry.line, vf: Int(index), text: entry.text)
    }
  }
}
