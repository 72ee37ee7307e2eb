import Logging
import PoolFlows
import PoolModel

/// A manager among fakes, connected to libvirt.
public struct FakeHost: Sendable {
  public let kernel: FakeKernel
  public let ledger = FakeLedger()
  public let libvirt: FakeLibvirt
  public let devices: FakeDevices
  public let clock: FakeClock
  public let log = FakeLog()
  public let manager: PoolManager

  /// `settle`: how long the kernel's messages are left to settle; `turnLimit`: how long a start may be under way.
  public init(
    kernel: FakeKernel = FakeKernel(), settle: Duration = .milliseconds(20), turnLimit: Duration = .seconds(5),
    quarantineLimit: Int = 3, fleet: (any FleetSpace)? = nil, connected: Bool = true, clock: FakeClock = FakeClock()
  ) async throws {
    self.kernel = kernel
    self.clock = clock
    libvirt = FakeLibvirt(kernel: kernel)
    devices = FakeDevices(kernel: kernel)
    manager = Self.manager(
      kernel, libvirt, devices, ledger, clock, log, settle: settle, turnLimit: turnLimit,
      quarantineLimit: quarantineLimit, fleet: fleet)
    try await manager.load()
    if connected { await manager.libvirtConnected() }
  }

  /// Another manager on the same host and ledger: vfpoold after a restart.
  public func restarted(
    bootID: String = "boot-1", unusableLedger: String? = nil, fleet: (any FleetSpace)? = nil
  ) async throws -> PoolManager {
    let manager = Self.manager(
      kernel, libvirt, devices, ledger, clock, log, bootID: bootID, unusableLedger: unusableLedger, fleet: fleet)
    try await manager.load()
    return manager
  }

  private static func manager(
    _ kernel: FakeKernel, _ libvirt: FakeLibvirt, _ devices: FakeDevices, _ ledger: FakeLedger, _ clock: FakeClock,
    _ log: FakeLog, bootID: String = "boot-1", settle: Duration = .milliseconds(20), turnLimit: Duration = .seconds(5),
    quarantineLimit: Int = 3, unusableLedger: String? = nil, fleet: (any FleetSpace)? = nil
  ) -> PoolManager {
    PoolManager(
      PoolManager.Neighbours(
        links: kernel, networks: libvirt, guests: libvirt, devices: devices, ledger: ledger, fleet: fleet,
        now: { clock.tick() }, newUUID: { clock.uuid() }), bootID: bootID, log: log.logger, turnLimit: turnLimit,
      watchPatience: .init(settle: settle, recovery: .seconds(3)), quarantineLimit: quarantineLimit,
      unusableLedger: unusableLedger)
  }

  public static let spread = """
    <network>
      <name>spread</name>
      <metadata>
        <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1">
          <vfpool:pf dev="enp1s0" vfs="7"/>
          <vfpool:pf dev="enp2s0" vfs="7"/>
          <vfpool:placement policy="spread"/>
          <vfpool:vf trust="on" spoofchk="off" maxTxRate="500"/>
        </vfpool:pool>
      </metadata>
      <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
    </network>
    """

  /// MACs are kept when a guest is defined anew.
  public static let keep = """
    <network>
      <name>keep</name>
      <metadata>
        <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1" mac="keep"><vfpool:pf dev="enp1s0" vfs="7"/></vfpool:pool>
      </metadata>
      <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
    </network>
    """

  public static let sticky = """
    <network>
      <name>sticky</name>
      <metadata>
        <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1">
          <vfpool:pf dev="enp1s0" vfs="7"/>
          <vfpool:placement policy="pack" sticky="yes"/>
        </vfpool:pool>
      </metadata>
      <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
      <vlan><tag id="42"/></vlan>
    </network>
    """
}
