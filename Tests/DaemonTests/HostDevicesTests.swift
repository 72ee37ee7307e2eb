import Foundation
import Libvirt
import Logging
import PoolFlows
import PoolModel
import Sysfs
import Testing

@testable import Daemon

/// This machine's kernel, which need not have a single PCI device, and libvirt's test driver, which has none.
@Suite(.timeLimit(.minutes(1)))
struct HostDevicesTests {
  private static let pci = PCIAddress(bus: 0xee, slot: 0, function: 0)

  /// Runs `body` with both lines up.
  private func connected(_ body: (HostDevices) async throws -> Void) async throws {
    let link = LibvirtLink(
      networks: "test:///default", guests: "test:///default",
      backoff: .init(first: .milliseconds(5), longest: .milliseconds(20)),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let run = Task { await link.run() }
    for await signal in link.signals { if case .connected = signal { break } }
    try await body(HostDevices(link: link))
    run.cancel()
    await run.value
  }

  @Test func whatLibvirtDoesNotKnow() async throws {
    try await connected { devices in
      let facts = try await devices.facts(of: Self.pci)
      #expect(facts == nil)
      let changes: [@Sendable (PCIAddress) async throws -> Void] = [
        { try await devices.detach($0) }, { try await devices.reattach($0) }, { try await devices.reset($0) },
      ]
      for change in changes {
        let error = await #expect(throws: LibvirtError.self) { try await change(Self.pci) }
        #expect(error?.code == .noNodeDevice)
        #expect(error?.subject == "device 'pci_0000_ee_00_0'")
      }
    }
  }

  @Test func whatIsInUseIsToldFromOtherFailures() {
    let text = "Requested operation is not valid: PCI device 0000:01:10.0 is in use by driver QEMU, domain a"
    let inUse = LibvirtError(code: .operationInvalid, operation: "reattach", subject: "device 'x'", text: text)
    #expect(DeviceInUse(inUse)?.description == text)
    #expect(DeviceInUse(LibvirtError(code: .noNodeDevice, operation: "", subject: "", text: text)) == nil)
  }

  @Test func withoutAConnectionTheKernelIsStillRead() async throws {
    let link = LibvirtLink(log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    var devices = HostDevices(link: link)
    let real = try await devices.inventory()
    #expect(real.devices.map(\.pci) == real.devices.map(\.pci).sorted())
    devices.sysfs = SysfsTree(root: "/nonexistent")
    #expect(try await devices.inventory() == DeviceInventory())
    devices.procRoot = "/nonexistent"
    await #expect(throws: SysfsError.self) { try await devices.inventory() }
    let error = await #expect(throws: FlowError.self) { try await devices.facts(of: Self.pci) }
    #expect(error?.code == .unavailable)
  }

  @Test func namesAndUsers() async throws {
    let link = LibvirtLink(log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let path = NSTemporaryDirectory() + "vfpool-\(UUID().uuidString)"
    try "8086  Intel Corporation\n".write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let devices = HostDevices(link: link, names: PCINameFile(paths: [path]))
    let ids = PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 1)
    #expect(await devices.names(of: [ids]).vendorName(ids) == "Intel Corporation")
    let file = try #require(FileHandle(forReadingAtPath: path))
    let users = await devices.users(of: [path, "/dev/vfio/0"])
    #expect(users[path]?.count == 1)
    #expect(users[path]?[0].hasSuffix("(process \(ProcessInfo.processInfo.processIdentifier))") == true)
    try file.close()
  }
}
