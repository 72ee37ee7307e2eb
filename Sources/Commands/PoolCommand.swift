import ArgumentParser

/// `vfpool pool`
struct PoolCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pool", abstract: "Pools: libvirt networks that hand out VFs.",
    subcommands: [
      PoolApply.self, PoolList.self, PoolShow.self, PoolExplain.self, PoolExport.self, PoolEnforce.self,
      PoolStart.self, PoolStop.self, PoolRemove.self,
    ])
}
