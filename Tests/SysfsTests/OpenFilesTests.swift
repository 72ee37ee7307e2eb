import Testing

@testable import Sysfs

@Suite struct OpenFilesTests {
  @Test func whoHasWhat() throws {
    let fake = try FakeSysfs()
    for (process, comm, files) in [
      ("4711", "qemu-system-x86", ["/dev/vfio/vfio", "/dev/vfio/14", "/dev/vfio/14"]),
      ("4712", "dpdk", ["/dev/vfio/14"]),
      ("4713", "cat", ["/dev/null"]),
    ] {
      try fake.file("\(process)/comm", comm + "\n")
      for (number, target) in files.enumerated() { try fake.link("\(process)/fd/\(number)", to: target) }
    }
    try fake.folder("self/fd")
    try fake.link("self/fd/0", to: "/dev/vfio/14")
    // Ended since the folder was listed.
    try fake.folder("4714")
    #expect(
      OpenFiles.users(of: ["/dev/vfio/14", "/dev/sda"], procRoot: fake.root) == [
        "/dev/vfio/14": ["qemu-system-x86 (process 4711)", "dpdk (process 4712)"]
      ])
    #expect(OpenFiles.users(of: [], procRoot: fake.root) == [:])
    #expect(OpenFiles.users(of: ["/dev/sda"], procRoot: fake.root + "/nowhere") == [:])
  }
}
