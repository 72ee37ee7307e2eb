import Glibc
import PoolModel

/// What became of one saved VF count.
public struct VFCountRestore: Hashable, Sendable, CustomStringConvertible {
  public enum Outcome: Hashable, Sendable {
    /// The PF had none and has now what was saved.
    case restored
    /// The PF has what was saved already.
    case alreadyThere
    /// The PF has another count, which somebody else must have set: left alone.
    case leftAlone(Int)
    /// No PF with this PCI address or MAC appeared.
    case noSuchPF
    case failed(SysfsError)
  }

  public var saved: SavedVFCount
  /// The PF's name now; the saved one when it wasn't found.
  public var pf: String
  public var outcome: Outcome

  public init(saved: SavedVFCount, pf: String, outcome: Outcome) {
    self.saved = saved
    self.pf = pf
    self.outcome = outcome
  }

  /// Whether the PF has the saved count now.
  public var succeeded: Bool { outcome == .restored || outcome == .alreadyThere }

  public var description: String {
    switch outcome {
    case .restored: "\(pf): created \(saved.count) VFs"
    case .alreadyThere: "\(pf): has \(saved.count) VFs already"
    case .leftAlone(let count): "\(pf): has \(count) VFs instead of \(saved.count), left alone"
    case .noSuchPF: "\(pf): no PF at \(saved.pci)\(saved.mac.map { " and none with MAC \($0)" } ?? "")"
    case .failed(let error): "\(error)"
    }
  }
}

extension SysfsTree {
  /// Gives each PF the VF count that was saved, where it has none now; one result for each, in the same order.
  ///
  /// A PF is found by its PCI address; where that has no PF, or one with another MAC while the saved MAC is elsewhere,
  /// by its MAC. At boot drivers may still be loading: PFs that are missing are waited for, `patience` long in all.
  public func restore(_ counts: [SavedVFCount], patience: Duration = .zero) -> [VFCountRestore] {
    let deadline = ContinuousClock.now + patience
    var pfs = scan().pfs
    while counts.contains(where: { find($0, in: pfs) == nil }), ContinuousClock.now < deadline {
      usleep(100_000)
      pfs = scan().pfs
    }
    return counts.map { saved in
      guard let pf = find(saved, in: pfs) else {
        return VFCountRestore(saved: saved, pf: saved.name, outcome: .noSuchPF)
      }
      return VFCountRestore(saved: saved, pf: pf.name, outcome: restore(saved, pf))
    }
  }

  private func restore(_ saved: SavedVFCount, _ pf: SysfsPF) -> VFCountRestore.Outcome {
    if pf.numVFs == saved.count { return .alreadyThere }
    if pf.numVFs != 0 { return .leftAlone(pf.numVFs) }
    do throws(SysfsError) {
      try setVFCount(saved.count, pf: pf.name)
      return .restored
    } catch {
      return .failed(error)
    }
  }

  private func find(_ saved: SavedVFCount, in pfs: [SysfsPF]) -> SysfsPF? {
    let there = pfs.first { $0.pci == saved.pci }
    guard let mac = saved.mac, there?.mac != mac else { return there }
    return pfs.first { $0.pci != nil && $0.mac == mac } ?? there
  }
}
