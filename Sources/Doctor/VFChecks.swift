import HostConfig
import PoolModel
import Sysfs

/// VFs, and who else sets how many there are and what they are set to.
extension Examination {
  func vfChecks() -> [Check] {
    let counts = scan.pfs.map { pf in
      let found = config.vfCountWriters(of: PFIdentity(pf))
      return PFWriters(pf: pf, others: found.writers, problems: found.problems)
    }
    let settings = scan.pfs.map { (pf: $0, found: config.vfSettingsWriters(of: PFIdentity($0))) }
    let own = ownCounts
    return [
      vfDrivers, vfIsolation, countWriters(counts, own), countNow(counts, own),
      settingsWriters(settings.map { ($0.pf, $0.found.writers) }),
      configurationFiles(scan.problems + counts.flatMap(\.problems) + settings.flatMap(\.found.problems)),
    ]
  }

  private struct PFWriters {
    var pf: SysfsPF
    var others: [VFCountWriter]
    var problems: [String]
  }

  private var vfDrivers: Check {
    var found: [String] = []
    var fix: [String] = []
    for pf in scan.pfs {
      let without = pf.vfs.filter { $0.pci != nil && $0.driver == nil }
      // Where drivers aren't bound to VFs, somebody wants it so.
      guard let first = without.first?.pci, let pci = pf.pci,
        files.text("\(Self.device(pci))/sriov_drivers_autoprobe") != "0"
      else { continue }
      found.append("\(pf.name): \(Set(without.map(\.index)).list) without a driver; libvirt can give them to no guest")
      fix.append(Self.loadDriver(of: first))
    }
    let count = scan.pfs.flatMap(\.vfs).count
    return verdict(
      .vfDrivers, found,
      or: count == 0 ? "there are no VFs" : "every one of \(count) VFs has its driver, or is to have none",
      fix: fix.firstOnes
        + (fix.isEmpty ? [] : ["look for a line that keeps it from loading: grep -r blacklist /etc/modprobe.d"]))
  }

  private var vfIsolation: Check {
    let found = scan.pfs.flatMap { pf in
      pf.vfs.compactMap { vf -> String? in
        guard let group = vf.iommuGroup, !group.blockers.isEmpty else { return nil }
        let names = group.blockers.map { "\($0.pci) (\($0.driver))" }.joined(separator: ", ")
        return "\(pf.name)/\(vf.index) shares IOMMU group \(group.number) with what the host has: \(names)"
      }
    }
    return verdict(
      .vfIsolation, found,
      or: iommu.isOn ? "every VF can go to a guest by itself" : "nothing to see while the IOMMU is off",
      fix: ["turn on ACS in the firmware's setup, or put the card into a slot of the processor's own"])
  }

  // MARK: - Writers

  /// The counts that are vfpool's.
  private var ownCounts: Result<[OwnVFCount], SysfsError> {
    do throws(SysfsError) {
      return .success(try VFCountFile(path: files.root + VFCountFile.standardPath).read().counts)
    } catch {
      return .failure(error)
    }
  }

  private func own(_ pf: SysfsPF, _ counts: Result<[OwnVFCount], SysfsError>) -> Int? {
    (try? counts.get())?.first { pf.pci != nil && $0.pci == pf.pci }?.count
  }

  private func countWriters(_ all: [PFWriters], _ ours: Result<[OwnVFCount], SysfsError>) -> Check {
    var verdict = Verdict.ok
    var evidence: [String] = []
    var fix: [String] = []
    for (pf, others) in all.map({ ($0.pf, $0.others) }) where !others.isEmpty {
      let own = own(pf, ours)
      evidence += others.map { "\(pf.name): \($0)" }
      if let own {
        evidence.append("\(pf.name): vfpool makes \(own) VFs at boot, too")
        verdict = max(verdict, others.contains { $0.count != own } ? .fault : .warning)
        fix += others.map { "remove it, so that vfpool alone sets the count: \($0.path), line \($0.line)" }
      } else if Set(others.map(\.count)).count > 1 {
        verdict = max(verdict, .warning)
        fix.append("\(pf.name): keep one of these, the last to run wins")
      }
    }
    if case .failure(let error) = ours, verdict == .ok {
      return unknown(.countWriters, VFCountFile.standardPath, error.text, evidence)
    }
    return Check(
      .countWriters, verdict, evidence.isEmpty ? ["nobody but vfpool sets a PF's VF count"] : evidence, fix: fix)
  }

  /// Whether each PF has as many VFs as somebody set.
  private func countNow(_ all: [PFWriters], _ ours: Result<[OwnVFCount], SysfsError>) -> Check {
    var found: [String] = []
    var fix: [String] = []
    for (pf, others) in all.map({ ($0.pf, $0.others) }) {
      if let own = own(pf, ours) {
        guard own != pf.numVFs else { continue }
        found.append("\(pf.name) has \(pf.numVFs) VFs; vfpool's count for it is \(own)")
        fix.append("vfpool pf set-vfs \(pf.name) \(own) --plan")
      } else if let set = Set(others.compactMap(\.count)).first, Set(others.map(\.count)).count == 1, set != pf.numVFs {
        found.append("\(pf.name) has \(pf.numVFs) VFs; \(others[0].path), line \(others[0].line) says \(set)")
        fix.append("\(pf.name): find out what keeps it from being applied (journalctl -b), or reboot")
      }
    }
    return verdict(
      .countNow, found, or: scan.pfs.isEmpty ? "there is no PF" : "every PF has as many VFs as is set for it", fix: fix)
  }

  private func settingsWriters(_ all: [(pf: SysfsPF, writers: [VFSettingsWriter])]) -> Check {
    let found = all.flatMap { pf, writers in writers.map { "\(pf.name): \($0)" } }
    return verdict(
      .settingsWriters, found, or: "nobody else sets what VFs are set to",
      fix: ["remove these lines: they are written again whenever the PF comes, over what vfpool set"])
  }

  private func configurationFiles(_ problems: [String]) -> Check {
    verdict(
      .configurationFiles, problems.firstOnes, or: "every file that may set VFs could be read", as: .unknown,
      fix: asRoot)
  }
}
