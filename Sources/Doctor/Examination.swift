import HostConfig
import PoolModel
import Sysfs

/// A look at the whole host, which changes nothing and needs neither vfpoold nor root.
public struct Examination: Sendable {
  let files: HostFiles
  /// Whether what only root may read could be read.
  let isRoot: Bool
  let config: HostConfig
  let scan: SysfsScan
  let processor: Processor
  let kernelLine: KernelLine?
  let iommu: IOMMUState
  let bootLoader: BootLoader
  /// Why GRUB's settings could not be read.
  let grubProblems: [String]

  /// - Parameters:
  ///   - root: the folder that has `etc`, `proc`, `sys` and the rest.
  ///   - isRoot: whether the process has root's rights; for advice, what can't be read is found out by itself.
  public init(root: String = "/", isRoot: Bool) {
    files = HostFiles(root: root)
    self.isRoot = isRoot
    config = HostConfig(root: root)
    scan = SysfsTree(root: files.root + "/sys").scan()
    processor = Processor(files)
    kernelLine = KernelLine(files)
    iommu = IOMMUState(files, processor)
    let grub = config.grubDefaults()
    bootLoader = BootLoader(files, grub.defaults)
    grubProblems = grub.problems
  }

  /// Every check but those of vfpoold, in the order of their groups; each name once. Blocks for as long as the disk and
  /// the kernel take.
  public func checks() -> [Check] {
    let networks = hostdevNetworks()
    return firmwareChecks() + cardChecks() + vfChecks() + bridgeChecks() + mtuChecks(networks) + libvirtChecks()
      + ledgerChecks() + poolChecks(networks)
  }

  /// What a check says of several things: the evidence for each, or `good` where there is none to give.
  func verdict(_ name: CheckName, _ found: [String], or good: String, as verdict: Verdict = .warning, fix: [String])
    -> Check
  {
    Check(name, found, or: good, as: verdict, fix: fix)
  }

  /// The way out where only root may look.
  var asRoot: [String] { isRoot ? [] : ["run vfpool doctor as root"] }

  /// What isn't to be known, because a file can't be read.
  func unknown(_ name: CheckName, _ path: String, _ reason: String, _ more: [String] = []) -> Check {
    Check(name, .unknown, ["can't read \(path): \(reason)"] + more, fix: asRoot)
  }
}
