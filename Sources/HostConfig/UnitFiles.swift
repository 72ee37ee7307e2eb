/// systemd's services, with their drop-ins and the scripts that they run. Whether a service is enabled isn't looked at:
/// timers, other units and udev start those that aren't.
extension ConfigReader {
  private static let folders = String.folders("systemd/system")

  mutating func units(of pf: PFIdentity) -> [VFCountWriter] {
    var writers: [VFCountWriter] = []
    for file in files(in: Self.folders, suffix: ".service") where !file.text.isEmpty {
      let unit = withDropIns(file, in: Self.folders)
      for entry in unit.keys(of: "Service").flatMap({ unit.assignments("Service", $0) }) {
        let text = entry.text
        if let write = find(in: text, of: file.name, pf) {
          writers.append(
            VFCountWriter(kind: .unit, path: entry.path, line: entry.line, count: write.count, text: text))
        } else if entry.key.hasPrefix("Exec") {
          writers += scripts(in: entry.value, pf)
        }
      }
    }
    return writers
  }

  /// What stands for `%i` in a template, `sriov@.service`: the instances that are enabled; none for a plain unit.
  private mutating func instances(of unit: Substring) -> [Substring] {
    guard unit.hasSuffix("@.service") else { return [] }
    let start = unit.dropLast(".service".count)
    var found: [Substring] = []
    for folder in Self.folders {
      for wants in names(in: folder) where wants.hasSuffix(".wants") || wants.hasSuffix(".requires") {
        found += names(in: "\(folder)/\(wants)").filter { $0.hasPrefix(start) && $0.hasSuffix(".service") }
          .map { $0.dropFirst(start.count).dropLast(".service".count) }
      }
    }
    return found
  }

  private mutating func find(in text: String, of unit: Substring, _ pf: PFIdentity) -> CountCommand? {
    guard text.contains("sriov_numvfs") else { return nil }
    let instances = instances(of: unit)
    if instances.isEmpty { return CountCommand.find(in: text, pf) }
    return instances.compactMap { instance in
      CountCommand.find(
        in: text.replacing("%i", with: instance).replacing("%I", with: instance), pf)
    }.max { $0.match < $1.match }
  }
}
