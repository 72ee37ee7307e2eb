import HostFakes
import PoolModel
import Testing

@testable import HostConfig

@Suite struct HostConfigTests {
  @Test func aHostWithoutAny() throws {
    let host = try FakeHost()
    #expect(host.counts().isEmpty)
    #expect(host.settings().isEmpty)
    #expect(host.problems.isEmpty)
    let nowhere = HostConfig(root: "/nonexistent/").vfCountWriters(of: FakeHost.pf)
    #expect(nowhere.writers.isEmpty && nowhere.problems.isEmpty)
  }

  /// Whatever is on this machine, it comes to an end.
  @Test func thisMachine() {
    let found = HostConfig().vfCountWriters(of: FakeHost.pf)
    #expect(found.writers.allSatisfy { $0.path.hasPrefix("/") && $0.line > 0 })
  }

  @Test func oneOfEachKind() throws {
    let write = "echo 4 > /sys/class/net/enp1s0/device/sriov_numvfs"
    let host = try FakeHost([
      "/etc/systemd/network/10-sriov.link": "[Match]\nDriver=igb\n\n[Link]\nSR-IOVVirtualFunctions=4\n",
      "/etc/netplan/50.yaml": "network:\n  ethernets:\n    enp1s0:\n      virtual-function-count: 4\n",
      "/etc/NetworkManager/system-connections/a.nmconnection":
        "[connection]\ninterface-name=enp1s0\n[sriov]\ntotal-vfs=4\n",
      "/etc/udev/rules.d/99-vfs.rules": "NAME==\"enp1s0\", ATTR{device/sriov_numvfs}=\"4\"\n",
      "/etc/systemd/system/vfs.service": "[Service]\nExecStart=/bin/sh -c '\(write)'\n",
      "/etc/rc.local": "#!/bin/sh\n\(write)\n",
      "/etc/tmpfiles.d/vfs.conf": "w /sys/class/net/enp1s0/device/sriov_numvfs - - - - 4\n",
      "/etc/modprobe.d/igb.conf": "options igb max_vfs=4\n",
    ])
    let found = host.config.vfCountWriters(of: FakeHost.pf)
    #expect(
      found.writers.map(\.description) == [
        "/etc/systemd/network/10-sriov.link:5: SR-IOVVirtualFunctions=4",
        "/etc/netplan/50.yaml:4: virtual-function-count: 4",
        "/etc/NetworkManager/system-connections/a.nmconnection:4: total-vfs=4",
        "/etc/udev/rules.d/99-vfs.rules:1: ATTR{device/sriov_numvfs}=\"4\"",
        "/etc/systemd/system/vfs.service:2: ExecStart=/bin/sh -c '\(write)'",
        "/etc/rc.local:2: \(write)",
        "/etc/tmpfiles.d/vfs.conf:1: w /sys/class/net/enp1s0/device/sriov_numvfs - - - - 4",
        "/etc/modprobe.d/igb.conf:1: options igb max_vfs=4",
      ])
    #expect(
      found.writers.map(\.kind) == [
        .linkFile, .netplan, .networkManager, .udevRule, .unit, .script, .tmpfiles, .moduleOption,
      ])
    #expect(found.writers.allSatisfy { $0.count == 4 })
    #expect(found.problems.isEmpty)
    let other = PFIdentity(
      netdevs: ["enp2s0"], pci: PCIAddress(bus: 2, slot: 0, function: 0), mac: MACAddress(value: 0x5254_00aa_0002),
      driver: "ixgbe")
    #expect(host.counts(other).isEmpty)
  }

  @Test func vfpoolIsNoOther() throws {
    let host = try FakeHost([
      "/etc/systemd/system/vfpoold.service":
        "[Service]\nExecStart=/bin/sh -c 'echo 4 > /sys/class/net/enp1s0/device/sriov_numvfs'\n",
      "/etc/systemd/system/a.service": "[Service]\nExecStart=/usr/lib/vfpool/boot.sh\n",
      "/usr/lib/vfpool/boot.sh": "#!/bin/sh\necho 4 > /sys/class/net/enp1s0/device/sriov_numvfs\n",
    ])
    #expect(host.counts().isEmpty)
  }

  @Test func aPFFromTheInventory() {
    let pci = PCIAddress(bus: 1, slot: 0, function: 0)
    let pf = PFIdentity(
      PF(name: "a", ifindex: 3, altNames: ["c"], otherNetdevs: ["b"], pci: pci, numVFs: 0, totalVFs: 7))
    #expect((pf.netdevs, pf.names, pf.pci) == (["a", "b"], ["a", "b", "c"], pci))
    #expect(PFIdentity(PF(name: "0000:01:00.0", ifindex: 0, pci: pci, numVFs: 0, totalVFs: 7)).netdevs == [])
  }

  @Test func longTextsAreShortened() {
    let writer = VFCountWriter(
      kind: .script, path: "/a", line: 1, count: nil, text: String(repeating: "x", count: 1000))
    #expect(writer.text.count == 160)
    #expect(writer.text.hasSuffix("x…"))
  }
}
