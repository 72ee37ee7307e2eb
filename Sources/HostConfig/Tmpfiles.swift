/// systemd's `tmpfiles.d(5)`: `w /sys/class/net/enp1s0/device/sriov_numvfs - - - - 4`
extension ConfigReader {
  mutating func tmpfiles(of pf: PFIdentity) -> [VFCountWriter] {
    files(in: String.folders("tmpfiles.d"), suffix: ".conf").filter { $0.mentions("sriov_numvfs") }.flatMap { file in
      file.statements().compactMap { statement -> VFCountWriter? in
        let fields = statement.text.words
        // The other types make files, or leave alone what is there.
        guard let type = fields.first?.first, "wF".contains(type), fields.count > 1,
          CountCommand.find(in: fields[1], pf) != nil
        else { return nil }
        return VFCountWriter(
          kind: .tmpfiles, path: file.path, line: statement.line, count: fields.count == 7 ? Int(fields[6]) : nil,
          text: statement.text)
      }
    }
  }
}
