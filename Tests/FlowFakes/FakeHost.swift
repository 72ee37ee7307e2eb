import Logging
import PoolFlows
import PoolModel

/// A manager among fakes, connected to libvirt.
public struct FakeHost {
  public let kernel: FakeKernel
  public let ledger = FakeLedger()
  public let libvirt: FakeLibvirt
  public let manager: PoolManager

  public init(kernel: FakeKernel = FakeKernel()) async throws {
    self.kernel = kernel
    libvirt = FakeLibvirt(kernel: kernel)
    manager = Self.manager(kernel, libvirt, ledger)
    try await manager.load()
    await manager.libvirtConnected()
  }

  /// Another manager on the same host and ledger: vfpoold after a restart.
  public func restarted(bootID: String = "boot-1") async throws -> PoolManager {
    let manager = Self.manager(kernel, libvirt, ledger, bootID: bootID)
    try await manager.load()
    return manager
  }

  private static func manager(
    _ kernel: FakeKernel, _ libvirt: FakeLibvirt, _ ledger: FakeLedger, bootID: String = "boot-1"
  ) -> PoolManager {
    var log = Logger(label: "test")
    log.logLevel = .critical
    let clock = FakeClock()
    return PoolManager(
      PoolManager.Neighbours(
        links: kernel, networks: libvirt, guests: libvirt, ledger: ledger, now: { clock.tick() },
        newUUID: { clock.uuid() }), bootID: bootID, log: log, turnLimit: .seconds(5))
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
