import HostConfig
import HostFakes
import PoolModel

extension FakeHost {
  var config: HostConfig { HostConfig(root: root) }

  /// A PF that was renamed, as most are, in a bond, whose MAC it has now.
  static let pf = PFIdentity(
    netdevs: ["enp1s0"], altNames: ["enp1s0np0", "ens3"], pci: PCIAddress(bus: 1, slot: 0, function: 0),
    mac: MACAddress(value: 0x5254_00aa_0001), permanentMAC: MACAddress(value: 0x5254_00aa_000f), driver: "igb")

  /// What sets the PF's VF count, in words.
  func counts(_ pf: PFIdentity = FakeHost.pf) -> [String] { config.vfCountWriters(of: pf).writers.map(\.description) }
  /// The numbers that it is set to.
  func numbers(_ pf: PFIdentity = FakeHost.pf) -> [Int?] { config.vfCountWriters(of: pf).writers.map(\.count) }
  func settings(_ pf: PFIdentity = FakeHost.pf) -> [String] {
    config.vfSettingsWriters(of: pf).writers.map(\.description)
  }
  var problems: [String] { config.vfCountWriters(of: Self.pf).problems }
}
