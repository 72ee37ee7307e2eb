import Testing

@testable import ControlSocket

struct HookCallTests {
  private static let qemu = "/etc/libvirt/hooks/qemu.d/50-vfpool"
  private static let network = "/etc/libvirt/hooks/network.d/50-vfpool"

  @Test(arguments: [
    ([qemu, "web 1", "prepare", "begin", "-"], HookCall.Driver.qemu),
    ([network, "tenant-a", "port-created", "begin", "-"], .network),
    (["/etc/libvirt/hooks/qemu", "g", "start", "begin", "-"], .qemu),
    (["/etc/libvirt/hooks/network", "n", "started", "begin", "-"], .network),
    (["network.d/50-vfpool", "n", "started", "begin"], .network),
    (["qemu", "n", "started", "begin"], .qemu),
    (["/usr/sbin/vfpool-hook", "--driver", "qemu", "g", "prepare", "begin", "-"], .qemu),
    (["vfpool-hook", "--driver", "network", "g", "updated", "begin", "-"], .network),
  ])
  func readsArguments(arguments: [String], driver: HookCall.Driver) throws {
    let call = try #require(HookCall(arguments: arguments))
    let words = Array(arguments.drop { $0 == arguments[0] || $0 == "--driver" || $0 == driver.rawValue })
    #expect(call.driver == driver)
    #expect(call.object == words[0])
    #expect(call.operation == words[1])
    #expect(call.suboperation == words[2])
  }

  @Test(arguments: [
    [], [qemu], [qemu, "g", "prepare"], ["/usr/sbin/vfpool-hook", "g", "prepare", "begin", "-"],
    ["/etc/libvirt/hooks/lxc.d/50-vfpool", "g", "prepare", "begin", "-"],
    ["/etc/libvirt/hooks/qemud/50-vfpool", "g", "prepare", "begin", "-"],
    ["vfpool-hook", "--driver", "lxc", "g", "prepare", "begin", "-"], ["vfpool-hook", "--driver"],
    ["vfpool-hook", "--driver", "qemu", "g", "prepare"], ["/", "a", "b", "c"],
  ])
  func refusesOtherArguments(arguments: [String]) { #expect(HookCall(arguments: arguments) == nil) }

  @Test(arguments: [
    ("prepare", "begin", HookStep.prepare), ("start", "begin", .start), ("release", "end", .release),
    ("prepare", "end", nil), ("start", "end", nil), ("release", "begin", nil), ("started", "begin", nil),
    ("stopped", "end", nil), ("reconnect", "begin", nil), ("attach", "begin", nil), ("migrate", "begin", .migrate),
    ("migrate", "end", nil),
    ("restore", "begin", nil), ("port-created", "begin", nil),
  ])
  func stepsOfGuests(operation: String, suboperation: String, step: HookStep?) throws {
    #expect(try #require(HookCall(arguments: [Self.qemu, "g", operation, suboperation, "-"])).step == step)
  }

  @Test(arguments: [
    ("port-created", "begin", HookStep.portCreated), ("port-deleted", "begin", .portDeleted),
    ("started", "begin", .network), ("stopped", "end", .network), ("updated", "begin", .network),
    ("start", "begin", nil), ("started", "end", nil), ("stopped", "begin", nil), ("prepare", "begin", nil),
    ("plugged", "begin", nil), ("unplugged", "begin", nil),
  ])
  func stepsOfNetworks(operation: String, suboperation: String, step: HookStep?) throws {
    #expect(try #require(HookCall(arguments: [Self.network, "n", operation, suboperation, "-"])).step == step)
  }

  @Test(arguments: [
    ("<interface type='network'>", true), ("<interface type='hostdev' managed='yes'>", true),
    ("<interface type=\"network\">", true), ("<interface type=\"hostdev\">", true),
    ("<hostdev mode='subsystem' type='pci'>", true), ("", false), ("<interface type='bridge'>", false),
    ("<interface type='user'/><disk type='file'/>", false), ("type='networ", false), ("type='type='network'", true),
    ("<hostde<hostdev", true), ("<hostde", false),
  ])
  func guestsThatConcernUs(xml: String, expected: Bool) throws {
    for (operation, suboperation) in [("prepare", "begin"), ("start", "begin"), ("release", "end")] {
      let call = try #require(HookCall(arguments: [Self.qemu, "g", operation, suboperation, "-"]))
      #expect(call.concerns(Array(xml.utf8)) == expected)
      #expect(call.concerns(Array("<domain>\(String(repeating: "<x/>", count: 5000))\(xml)".utf8)) == expected)
    }
  }

  private static let hold = "<owner><name>vfpool-hold</name><uuid>76667f00-6c64-4000-8000-7666706f6f6c</uuid></owner>"
  private static let guest = "<owner><name>web</name><uuid>11111111-6c64-4000-8000-7666706f6f6c</uuid></owner>"

  @Test(arguments: [
    ("port-created", "begin", "<forward mode='hostdev'/>" + guest, true),
    ("port-deleted", "begin", "<forward mode='hostdev'/>" + guest, true),
    ("port-created", "begin", "<forward mode='nat'/>" + guest, false),
    ("port-created", "begin", "<forward mode='hostdev'/>" + hold, false),
    ("port-deleted", "begin", "<forward mode='hostdev'/>" + hold, false),
    ("port-created", "begin", "<forward mode='hostdev'/><owner><name>vfpool-hold</name><uuid>0</uuid></owner>", true),
    ("started", "begin", "<forward mode='hostdev'/>", true), ("started", "begin", "<forward mode='nat'/>", false),
    ("updated", "begin", "<forward mode='hostdev'/>" + hold, true), ("stopped", "end", "", false),
  ])
  func networksThatConcernUs(operation: String, suboperation: String, xml: String, expected: Bool) throws {
    let call = try #require(HookCall(arguments: [Self.network, "n", operation, suboperation, "-"]))
    #expect(call.concerns(Array(xml.utf8)) == expected)
  }

  @Test func asksUnderItsDriver() throws {
    let guest = try #require(HookCall(arguments: [Self.qemu, "web 1&x", "prepare", "begin", "-"]))
    #expect(guest.target == "/v1/hooks/qemu?object=web%201%26x&op=prepare&subop=begin")
    let network = try #require(HookCall(arguments: [Self.network, "n", "port-created", "begin", "-"]))
    #expect(network.target == "/v1/hooks/network?object=n&op=port-created&subop=begin")
  }
}
