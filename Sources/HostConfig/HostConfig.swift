import PoolModel

/// The host's configuration of what isn't vfpool, read anew by each call. Calls block for as long as the disk takes.
public struct HostConfig: Sendable {
  /// Without a slash at its end.
  let root: String

  /// `root`: the folder that has `etc`, `run` and `usr`.
  public init(root: String = "/") { self.root = root.hasSuffix("/") ? String(root.dropLast()) : root }

  /// Who else sets how many VFs a PF has.
  ///
  /// A file that may mean the PF counts; one that certainly means another card doesn't. vfpool's own files aren't
  /// others. `problems` says in words which files could not be read or understood; missing folders are no problem.
  public func vfCountWriters(of pf: PFIdentity) -> (writers: [VFCountWriter], problems: [String]) {
    var reader = ConfigReader(root: root)
    var writers = reader.linkFiles(of: pf).counts
    writers += reader.netplan(of: pf).counts
    writers += reader.networkManager(of: pf).counts
    writers += reader.udevRules(of: pf)
    writers += reader.units(of: pf)
    writers += reader.bootScripts(of: pf)
    writers += reader.tmpfiles(of: pf)
    writers += reader.moduleOptions(of: pf)
    return (writers.filter { !isOurs($0.path) }.firstOnes, reader.problems.firstOnes)
  }

  /// Who else sets what a PF's VFs are set to (MAC, VLAN, trust …), or the mode of the PF's switch; as
  /// `vfCountWriters(of:)`.
  public func vfSettingsWriters(of pf: PFIdentity) -> (writers: [VFSettingsWriter], problems: [String]) {
    var reader = ConfigReader(root: root)
    var writers = reader.linkFiles(of: pf).settings
    writers += reader.networkFiles(of: pf)
    writers += reader.netplan(of: pf).settings
    writers += reader.networkManager(of: pf).settings
    return (writers.filter { !isOurs($0.path) }.firstOnes, reader.problems.firstOnes)
  }

  private func isOurs(_ path: String) -> Bool { path.contains("vfpool") }
}
