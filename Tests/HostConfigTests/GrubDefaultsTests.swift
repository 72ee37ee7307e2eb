import HostFakes
import Testing

@testable import HostConfig

@Suite struct GrubDefaultsTests {
  @Test(
    arguments: [
      ("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\n", ["quiet", "splash"]),
      ("GRUB_CMDLINE_LINUX='a b'\nGRUB_CMDLINE_LINUX_DEFAULT=c # why\n", ["a", "b", "c"]),
      ("GRUB_CMDLINE_LINUX=\"a\"\nGRUB_CMDLINE_LINUX=\"b\"\n", ["b"]),
      ("GRUB_CMDLINE_LINUX=\"a\"\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX b\"\n", ["a", "b"]),
      ("GRUB_CMDLINE_LINUX=a\nGRUB_CMDLINE_LINUX_DEFAULT=\"${GRUB_CMDLINE_LINUX} b\"\n", ["a", "a", "b"]),
      ("GRUB_CMDLINE_LINUX=a\nGRUB_CMDLINE_LINUX+=\" b\"\n", ["a", "b"]),
      ("#GRUB_CMDLINE_LINUX=\"a\"\nexport X=1\nGRUB_TIMEOUT=5\n", []),
      ("GRUB_CMDLINE_LINUX=\n", []),
    ] as [(String, [String])])
  func commandLines(text: String, words: [String]) throws {
    let host = try FakeHost([GrubDefaults.path: text])
    #expect(host.config.grubDefaults().defaults?.commandLine == words)
  }

  @Test func laterFilesCountMore() throws {
    let host = try FakeHost([
      GrubDefaults.path: "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n",
      "/etc/default/grub.d/50-cloud.cfg": "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt\"\n",
      "/etc/default/grub.d/README": "GRUB_CMDLINE_LINUX_DEFAULT=no\n",
    ])
    let grub = try #require(host.config.grubDefaults().defaults)
    #expect(grub.commandLine == ["quiet", "iommu=pt"])
    #expect(
      grub.commandLineSettings.map(\.description)
        == ["/etc/default/grub.d/50-cloud.cfg:1: GRUB_CMDLINE_LINUX_DEFAULT=\"quiet iommu=pt\""])
  }

  @Test func namesThatGrubDoesNotRead() throws {
    let host = try FakeHost([
      GrubDefaults.path:
        "GRUB_CMDLINX=\"intel_iommu=on\"\nGRUB_CMDLINE_LINUX_DEAFULT=quiet\nGRUB_CMDLINE_XEN=x\nGRUB_TERMINAL=y\n"
    ])
    let misnamed = host.config.grubDefaults().defaults?.misnamed
    #expect(misnamed?.map(\.key) == ["GRUB_CMDLINX", "GRUB_CMDLINE_LINUX_DEAFULT"])
    #expect(misnamed?.map(\.line) == [1, 2])
  }

  @Test func aHostWithoutGrub() throws {
    #expect(try FakeHost().config.grubDefaults() == (nil, []))
  }
}
