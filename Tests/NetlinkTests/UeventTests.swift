import Testing

@testable import Netlink

@Suite struct UeventTests {
  @Test func readsWhatTheKernelSays() throws {
    let text = """
      bind@/devices/pci0000:00/0000:00:03.0/0000:01:10.0\0ACTION=bind\0DEVPATH=/devices/pci0000:00/0000:00:03.0/0000:01:10.0\0\
      SUBSYSTEM=pci\0DRIVER=vfio-pci\0PCI_SLOT_NAME=0000:01:10.0\0SEQNUM=2048\0
      """
    let event = try #require(Uevent(Array(text.utf8)))
    #expect(event.action == "bind")
    #expect(event.path.hasSuffix("0000:01:10.0"))
    #expect(event.subsystem == "pci")
    #expect(event.properties["DRIVER"] == "vfio-pci")
  }

  @Test(arguments: ["", "libudev\0\u{1}", "@/devices\0SUBSYSTEM=pci\0", "add@/devices\0", "add\0SUBSYSTEM=pci\0"])
  func whatIsNoneIsLeftOut(text: String) { #expect(Uevent(Array(text.utf8)) == nil) }
}
