import PoolModel
import Testing

@testable import Sysfs

/// What the host does with the disks below a device.
@Suite struct SysfsTreeDisksTests {
  private func disks(_ fake: FakeSysfs, _ pci: String, mountinfo: String = "", swaps: String = "") -> [DeviceDisk]? {
    var mounts = HostMounts()
    mounts.take(mountinfo: mountinfo)
    mounts.take(swaps: swaps)
    let inventory = fake.tree.pciDevices(mounts: mounts)
    #expect(inventory.problems == [])
    return PCIAddress(pci).flatMap(inventory.device(at:))?.disks
  }

  @Test func mountedSwappedAndFree() throws {
    let fake = try FakeSysfs()
    try fake.device("0000:00:04.0", class: "0x010000")
    let disk = "../../devices/pci0000:00/0000:00:04.0/virtio1/block/vda"
    try fake.disk("vda", number: "254:0", target: disk)
    for number in 1...3 { try fake.disk("vda\(number)", number: "254:\(number)", target: "\(disk)/vda\(number)") }
    try fake.disk("loop0", number: "7:0", target: "../../devices/virtual/block/loop0")
    #expect(
      disks(
        fake, "0000:00:04.0",
        mountinfo: """
          22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw
          40 22 254:1 /home /srv/with\\040blank rw - ext4 /dev/root rw
          41 22 0:25 / /proc rw - proc proc rw
          """,
        swaps: """
          Filename                                Type            Size            Used            Priority
          /dev/vda2                               partition       999420          0               -2
          /swapfile                               file            999420          0               -3
          """) == [
          DeviceDisk(name: "vda"), DeviceDisk(name: "vda1", use: "is mounted on /"),
          DeviceDisk(name: "vda2", use: "is swap space"), DeviceDisk(name: "vda3"),
        ])
  }

  @Test func whatIsMadeOfADiskCounts() throws {
    let fake = try FakeSysfs()
    try fake.device("0000:00:04.0", class: "0x010601")
    let disk = "../../devices/pci0000:00/0000:00:04.0/ata1/host0/target0:0:0/0:0:0:0/block/sda"
    try fake.disk("sda", number: "8:0", target: disk)
    try fake.disk("sda1", number: "8:1", target: "\(disk)/sda1", holders: ["md0"])
    try fake.disk("sda2", number: "8:2", target: "\(disk)/sda2", holders: ["dm-7"])
    try fake.disk("md0", number: "9:0", target: "../../devices/virtual/block/md0", holders: ["dm-0"])
    try fake.disk("dm-0", number: "253:0", target: "../../devices/virtual/block/dm-0")
    try fake.disk("dm-7", number: "253:7", target: "../../devices/virtual/block/dm-7")
    #expect(
      disks(fake, "0000:00:04.0", mountinfo: "22 1 253:0 / / rw - xfs /dev/mapper/vg-root rw\n") == [
        DeviceDisk(name: "sda"), DeviceDisk(name: "sda1", use: "is mounted on / by way of dm-0 by way of md0"),
        DeviceDisk(name: "sda2", use: "is part of dm-7"),
      ])
  }

  @Test func btrfsHasNumbersOfItsOwn() throws {
    let fake = try FakeSysfs()
    try fake.device("0000:00:04.0", class: "0x010601")
    let host = "../../devices/pci0000:00/0000:00:04.0/ata1/host0"
    for name in ["vfpoolx", "vfpooly", "vfpoolz"] {
      try fake.disk(name, number: "8:\(name.utf8.count)", target: "\(host)/block/\(name)")
    }
    try fake.folder("fs/btrfs/features")
    for name in ["vfpoolx", "vfpooly"] { try fake.link("fs/btrfs/uuid-1/devices/\(name)", to: "../../\(name)") }
    try fake.link("fs/btrfs/uuid-2/devices/vfpoolz", to: "../../vfpoolz")
    #expect(
      disks(fake, "0000:00:04.0", mountinfo: "30 1 0:31 / /data rw - btrfs /dev/vfpooly rw\n")?.map(\.use) == [
        "is mounted on /data", "is mounted on /data", "is part of a mounted btrfs",
      ])
  }

  /// Its disk is a virtual device: several controllers may lead to it.
  @Test func anNVMeDiskBehindItsSubsystem() throws {
    let fake = try FakeSysfs()
    try fake.device("0000:03:00.0", class: "0x010802")
    try fake.device("0000:04:00.0", class: "0x010802")
    let subsystem = "../../devices/virtual/nvme-subsystem/nvme-subsys0"
    try fake.disk("nvme0n1", number: "259:0", target: "\(subsystem)/nvme0n1")
    try fake.disk("nvme0n1p1", number: "259:1", target: "\(subsystem)/nvme0n1/nvme0n1p1")
    try fake.link("class/nvme-subsystem/nvme-subsys0", to: subsystem)
    try fake.folder("devices/virtual/nvme-subsystem/nvme-subsys0/power")
    for (name, pci) in [("nvme0", "0000:03:00.0"), ("nvme1", "0000:04:00.0")] {
      try fake.folder("devices/pci0000:00/\(pci)/nvme/\(name)")
      try fake.link("class/nvme/\(name)", to: "../../devices/pci0000:00/\(pci)/nvme/\(name)")
      try fake.link(
        "devices/virtual/nvme-subsystem/nvme-subsys0/\(name)", to: "../../../pci0000:00/\(pci)/nvme/\(name)")
    }
    for pci in ["0000:03:00.0", "0000:04:00.0"] {
      #expect(
        disks(fake, pci, mountinfo: "22 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n") == [
          DeviceDisk(name: "nvme0n1"), DeviceDisk(name: "nvme0n1p1", use: "is mounted on /"),
        ])
    }
  }
}
