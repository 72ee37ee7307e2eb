import HostFakes
import Testing

@testable import HostConfig

@Suite struct NetplanFilesTests {
  private static let path = "/etc/netplan/50.yaml"

  private static func netplan(_ id: String, _ lines: String...) -> String {
    "network:\n  version: 2\n  ethernets:\n    \(id):\n" + lines.map { "      \($0)\n" }.joined()
  }

  @Test(
    arguments: [
      ("enp1s0", "dhcp4: no", true), ("ens3", "dhcp4: no", true), ("enp2s0", "dhcp4: no", false),
      ("card", "dhcp4: no", false), ("card", "match: {name: enp1*}", true), ("enp1s0", "match: {name: enp2s0}", false),
      ("card", "match: {}", true), ("card", "match: {macaddress: \"52:54:00:AA:00:01\"}", true),
      ("card", "match: {macaddress: 52:54:00:aa:00:0f}", true),
      ("card", "match: {macaddress: 52:54:00:aa:00:07}", false),
      ("card", "match: {driver: igb}", true), ("card", "match: {driver: [ixgbe, \"ig?\"]}", true),
      ("card", "match: {driver: ixgbe}", false), ("card", "match: {driver: igb, name: enp2s0}", false),
      ("card", "match: {driver: igb, path: x}", true),
      ("card", "match: {name: eth7}\n      set-name: enp1s0", true),
      ("card", "match: {name: eth7}\n      set-name: lan", false),
    ])
  func matching(id: String, match: String, counts: Bool) throws {
    let host = try FakeHost([Self.path: Self.netplan(id, match, "virtual-function-count: 4")])
    #expect(host.numbers() == (counts ? [4] : []))
    #expect(host.problems.isEmpty)
  }

  @Test func vfsCountByTheirLink() throws {
    let vfs = "    vf0: {link: enp1s0}\n    vf1:\n      link: enp1s0\n    other: {link: enp2s0}\n"
    let host = try FakeHost([Self.path: Self.netplan("enp1s0") + vfs])
    #expect(host.counts() == ["\(Self.path):5: link: enp1s0 (2 VFs)"])
    #expect(host.numbers() == [2])
    try host.file(Self.path, Self.netplan("enp1s0", "virtual-function-count: 7") + vfs)
    #expect(host.counts() == ["\(Self.path):5: virtual-function-count: 7"])
    try host.file(Self.path, Self.netplan("enp1s0", "virtual-function-count: 1") + vfs)
    #expect(host.counts() == ["\(Self.path):6: link: enp1s0 (2 VFs)"])
    // netplan makes none, and takes none away.
    try host.file(Self.path, Self.netplan("enp1s0", "virtual-function-count: 0"))
    #expect(host.counts() == [])
  }

  @Test func filesAreOne() throws {
    let host = try FakeHost([
      "/etc/netplan/10.yaml": Self.netplan("card", "virtual-function-count: 2", "match: {driver: igb}"),
      "/run/netplan/20.yaml": Self.netplan("card", "virtual-function-count: 3"),
      "/lib/netplan/20.yaml": Self.netplan("card", "virtual-function-count: 9"),
      "/etc/netplan/30.yml": Self.netplan("card", "virtual-function-count: 8"),
    ])
    #expect(host.counts() == ["/run/netplan/20.yaml:5: virtual-function-count: 3"])
  }

  @Test func theSwitchsMode() throws {
    let host = try FakeHost([Self.path: Self.netplan("enp1s0", "embedded-switch-mode: switchdev")])
    #expect(host.counts() == [])
    #expect(host.settings() == ["\(Self.path):5: embedded-switch-mode: switchdev"])
  }

  @Test func whatCannotBeUnderstood() throws {
    let host = try FakeHost([Self.path: Self.netplan("enp1s0", "virtual-function-count: *many")])
    #expect(host.counts() == [])
    #expect(
      host.problems == [
        "\(Self.path) sets a virtual-function-count, but line 5 can't be read: aliases aren't read here"
      ])
    try host.file(Self.path, "network:\n  bonds:\n    b: {virtual-function-count: 4}\n")
    #expect(
      host.problems == ["\(Self.path):3: b: {virtual-function-count: 4}: it belongs to none of network.ethernets"])
    try host.file(Self.path, Self.netplan("enp1s0", "virtual-function-count: many"))
    #expect(host.counts() == ["\(Self.path):5: virtual-function-count: many"])
    #expect(host.numbers() == [nil])
    // A file that says nothing of it is netplan's affair.
    try host.file(Self.path, "network: {\n# virtual-function-count: 4\n")
    #expect(host.problems.isEmpty)
    for odd in ["", "network", "network: [1]", "network:\n  ethernets: 4", "network:\n  ethernets:\n    enp1s0: 4"] {
      try host.file(Self.path, odd)
      #expect(host.counts() == [])
    }
  }
}
