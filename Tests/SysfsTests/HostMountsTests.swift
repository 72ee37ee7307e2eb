import Testing

@testable import Sysfs

@Suite struct HostMountsTests {
  @Test func theHostsListGoesBeforeOurOwn() throws {
    let fake = try FakeSysfs()
    try fake.file("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    #expect(try HostMounts(procRoot: fake.root + "/proc").places == ["8:1": "/"])
    try fake.file(
      "proc/1/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 8:2 / /home rw shared:4 - ext4 /dev/sda2 rw\n")
    try fake.file("proc/swaps", "Filename Type Size Used Priority\n/dev/vfpool-none partition 1 0 -2\n")
    let mounts = try HostMounts(procRoot: fake.root + "/proc")
    #expect(mounts.places == ["8:1": "/", "8:2": "/home"])
    #expect(mounts.swaps == ["vfpool-none"])
  }

  @Test func withoutProcfsNothingIsKnown() throws {
    let fake = try FakeSysfs()
    let error = #expect(throws: SysfsError.self) { try HostMounts(procRoot: fake.root) }
    #expect(error?.operation == "read")
  }

  @Test func linesThatMakeNoSenseAreSkipped() {
    var mounts = HostMounts()
    mounts.take(mountinfo: "\n22 1 8:1\n22 1 8:1 / / rw - ext4\n22 1 8:1 / / rw ext4 /dev/sda1 rw\n")
    mounts.take(swaps: "Filename\n\n/dev/sda1\n")
    #expect(mounts == HostMounts())
  }

  @Test func thisMachine() throws { #expect(try !HostMounts(procRoot: "/proc").places.isEmpty) }
}
