import PoolModel

/// PFs of which so many VFs have failed and are quarantined that the card itself is suspected: quarantine stops there, lest a card that is
/// ill takes all its VFs away from the guests, and its VFs are handed out last.
extension PoolManager {
  /// Whether a VF that failed stays free, because its PF has as many VFs in quarantine as it may.
  func isBeyondQuarantineLimit(_ vf: PCIAddress) -> Bool {
    contents.quarantines[vf] == nil && inventory.vf(at: vf).map { suspectPFs.contains($0.id.pf) } == true
  }

  var suspectPFs: Set<String> {
    guard quarantineLimit > 0, contents.quarantines.count >= quarantineLimit else { return [] }
    return Set(quarantinesByPF.filter { $0.value >= quarantineLimit }.keys)
  }

  private var quarantinesByPF: [String: Int] {
    contents.quarantines.values.reduce(into: [:]) { counts, quarantine in
      guard !quarantine.byAdmin, let pf = inventory.vf(at: quarantine.vf)?.id.pf else { return }
      counts[pf, default: 0] += 1
    }
  }

  /// In words, what to do about each.
  var suspectPFProblems: [String] {
    let counts = quarantinesByPF
    return suspectPFs.sorted().map { pf in
      "PF \(pf): \(counts[pf] ?? 0) of its VFs are quarantined, so the card itself is suspected: its other VFs are handed "
        + "out last, and those that fail too aren't quarantined; look at the card (`dmesg | grep \(pf)`), then "
        + "`vfpool vf unquarantine` its VFs"
    }
  }
}
