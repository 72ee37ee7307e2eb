import ArgumentParser

/// `vfpool mac`
struct MACCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mac", abstract: "MAC bindings: which NIC has which MAC for good.",
    discussion: """
      A NIC is POOL/POSITION: its position among its guest's NICs of that pool, from 0; POOL alone is the first one. Its MAC is \
      bound when its guest starts, and stays bound when the guest stops, moves to another VF or is undefined. A pool with \
      mac="keep" writes the bound MAC into a guest that is defined anew.
      """,
    subcommands: [MACList.self, MACBind.self, MACUnbind.self, MACImport.self])
}
