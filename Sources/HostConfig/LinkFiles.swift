/// systemd's `.link` files, which udev applies to each netdev when it comes (`systemd.link(5)`), and the `.network`
/// files of systemd-networkd.
extension ConfigReader {
  private static let folders = String.folders("systemd/network")

  mutating func linkFiles(of pf: PFIdentity) -> (counts: [VFCountWriter], settings: [VFSettingsWriter]) {
    var counts: [VFCountWriter] = []
    var settings: [VFSettingsWriter] = []
    for link in applied(suffix: ".link", to: pf) {
      if let count = count(in: link) { counts.append(count) }
      settings += Self.settings(in: link)
    }
    return (counts, settings)
  }

  mutating func networkFiles(of pf: PFIdentity) -> [VFSettingsWriter] {
    applied(suffix: ".network", to: pf).flatMap(Self.settings)
  }

  /// Of all files in their order only the first that matches a netdev is applied to it, so those behind one that surely
  /// does don't count.
  private mutating func applied(suffix: String, to pf: PFIdentity) -> [SectionedFile] {
    var applied: [SectionedFile] = []
    for file in files(in: Self.folders, suffix: suffix) where !file.text.isEmpty {
      let whole = withDropIns(file, in: Self.folders)
      let match = whole.match(pf)
      if match != .no { applied.append(whole) }
      if match == .yes { break }
    }
    return applied
  }

  /// Where a file says no number, udev makes as many VFs as the last one that has a section needs.
  private mutating func count(in link: SectionedFile) -> VFCountWriter? {
    let key = "SR-IOVVirtualFunctions"
    var count: (entry: SectionedFile.Entry, number: Int)?
    for entry in link.assignments("Link", key) {
      if let number = Int(entry.value), (0...Int(Int32.max)).contains(number) {
        count = (entry, number)
      } else {
        problems.append("\(entry.path):\(entry.line): \(entry.text.shortened): this is no number; systemd skips it")
      }
    }
    if count == nil {
      let needed = link.entries.compactMap { entry in Self.vf(entry).map { (entry: entry, number: $0 + 1) } }
      count = needed.max { $0.number < $1.number }
    }
    return count.map {
      VFCountWriter(kind: .linkFile, path: $0.entry.path, line: $0.entry.line, count: $0.number, text: $0.entry.text)
    }
  }

  private static func settings(in file: SectionedFile) -> [VFSettingsWriter] {
    file.entries.compactMap { entry in
      vf(entry).map { VFSettingsWriter(path: entry.path, line: entry.line, vf: $0, text: entry.text) }
    }
  }

  /// The VF that a section is about.
  private static func vf(_ entry: SectionedFile.Entry) -> Int? {
    guard entry.section == "SR-IOV", entry.key == "VirtualFunction", let vf = Int(entry.value),
      (0..<Int(Int32.max)).contains(vf)
    else { return nil }
    return vf
  }
}
