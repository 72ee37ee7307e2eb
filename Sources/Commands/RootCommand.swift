import ArgumentParser
import ControlAPI

/// `vfpool`
struct RootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vfpool",
    abstract: "Hands SR-IOV virtual functions to libvirt guests, and takes them back.",
    discussion: """
      A pool is a libvirt network whose guests each get a virtual function (VF) of a network card. You describe it in \
      a file, guests only name it, and vfpool knows who holds which VF, and why.

      The first commands:
        vfpool doctor              whether this host is ready, and what to type if not
        vfpool enable              let libvirt call vfpool
        vfpool pool apply FILE     make the pool that FILE describes (--plan: look)
        vfpool guest xml --pool P  the lines by which a guest gets a VF of pool P
        vfpool status              what this host has, and what is wrong

      A VF is named PF/INDEX (enp1s0/3) or by its PCI address (0000:01:10.6).

      Exit codes: 0 ok, 1 refused or failed, 2 usage, 3 --plan found changes to make, 4 vfpoold unreachable, 5 doctor \
      found warnings only.
      """,
    version: Version.current,
    subcommands: [
      StatusCommand.self, WatchCommand.self, PFCommand.self, VFCommand.self, PoolCommand.self, LeaseCommand.self,
      MACCommand.self,
      GuestCommand.self, DeviceCommand.self, ReconcileCommand.self, AuditCommand.self, LedgerCommand.self,
      MetricsCommand.self,
      FleetCommand.self,
      DoctorCommand.self, SelfTestCommand.self,
      EnableCommand.self, DisableCommand.self, BootCommand.self,
    ])
}
