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
    /// Something else on the host sets the PF's count, in words: left to that.
    case leftTo([String])
    /// No PF with this PCI address or MAC appeared.
    case noSuchPF
    case failed(SysfsError)
  }

  public var saved: OwnVFCount
  /// The PF's name now; the saved one when it wasn't found.
  public var pf: String
  public var outcome: Outcome

  public init(saved: OwnVFCount, pf: String, outcome: Outcome) {
    self.saved = saved
    self.pf = pf
    self.outcome = outcome
  }

  /// Whether the PF has the saved count now, or isn't ours to set.
  public var succeeded: Bool {
    switch outcome {
    case .restored, .alreadyThere, .leftTo: true
    case .leftAlone, .noSuchPF, .failed: false
    }
  }

  public var description: String {
    switch outcome {
    case .restored: "\(pf): created \(saved.count) VFs"
    case .alreadyThere: "\(pf): has \(saved.count) VFs already"
    case .leftAlone(let count): "\(pf): has \(count) VFs instead of \(saved.count), left alone"
    case .leftTo(let writers): "\(pf): how many VFs it has is left to \(writers.joined(separator: "; "))"
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
  /// `writers` says what else sets a PF's count.
  public func restore(
    _ counts: [OwnVFCount], patience: Duration = .zero, writers: (SysfsPF) -> [String] = { _ in [] }
  ) -> [VFCountRestore] {
    let deadline = ContinuousClock.now + patience
    // Without its netdev a card's driver is still to come.
    var pfs = scan().pfs.filter { !$0.netdevs.isEmpty }
    while counts.contains(where: { find($0, counts, in: pfs) == nil }), ContinuousClock.now < deadline {
      usleep(100_000)
      pfs = scan().pfs.filter { !$0.netdevs.isEmpty }
    }
    return counts.map { saved in
      guard let pf = find(saved, counts, in: pfs) else {
        return VFCountRestore(saved: saved, pf: saved.name, outcome: .noSuchPF)
      }
      let writers = writers(pf)
      return VFCountRestore(
        saved: saved, pf: pf.name, outcome: writers.isEmpty ? restore(saved, pf) : .leftTo(writers))
    }
  }

  private func restore(_ saved: OwnVFCount, _ pf: SysfsPF) -> VFCountRestore.Outcome {
    if pf.numVFs == saved.count { return .alreadyThere }
    if pf.numVFs != 0 { return .leftAlone(pf.numVFs) }
    do throws(SysfsError) {
      try setVFCount(saved.count, pf: pf.name, device: pf.pci.map(folder) ?? device(ofNetdev: pf.name))
      return .restored
    } catch {
      return .failed(error)
    }
  }

  private func find(_ saved: OwnVFCount, _ all: [OwnVFCount], in pfs: [SysfsPF]) -> SysfsPF? {
    let there = pfs.first { $0.pci == saved.pci }
    guard let mac = saved.mac, there?.mac != mac else { return there }
    // In a bond several cards had one MAC, which tells nothing.
    if all.count(where: { $0.mac == mac }) > 1 { return there }
    return pfs.first { $0.pci != nil && $0.mac == mac } ?? there
  }
}
