import Sysfs

/// Which network interfaces are on top of which, by the links between their folders in sysfs.
struct NetdevStack: Sendable {
  enum Kind: Hashable, Sendable { case bridge, openVSwitch, bond, macvlan, other }

  /// An interface above another.
  struct Upper: Hashable, Sendable {
    var name: String
    var kind: Kind
    /// The interfaces in between, the lowest first: a VLAN, a bond.
    var between: [String]
  }

  let files: HostFiles

  private func folder(_ name: String) -> String { "/sys/class/net/\(name)" }

  func text(_ name: String, _ file: String) -> String? { files.text("\(folder(name))/\(file)") }
  func number(_ name: String, _ file: String) -> Int? { text(name, file).flatMap { Int($0) } }

  /// The `IFF_…` flags of `<linux/if.h>`.
  private func flags(_ name: String) -> Int { text(name, "flags").flatMap { Int($0.dropFirst(2), radix: 16) } ?? 0 }
  func isPromiscuous(_ name: String) -> Bool { flags(name) & 0x100 != 0 }

  /// Whether the card is in switchdev mode: then the host's own bridges say what it forwards.
  func isSwitchPort(_ name: String) -> Bool { text(name, "phys_switch_id")?.isEmpty == false }

  private func linked(_ name: String, _ prefix: String) -> [String] {
    (files.names(in: folder(name)) ?? []).filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  private func uppers(_ name: String) -> [String] {
    let master = (try? FileAccess.linkName("\(files.root)\(folder(name))/master")).map { [$0] } ?? []
    return Set(linked(name, "upper_") + master).sorted()
  }

  /// What is below an interface: a bond's, a virtual switch's.
  func lowers(_ name: String) -> [String] { linked(name, "lower_") }

  func kind(_ name: String) -> Kind {
    if files.exists("\(folder(name))/bridge") { return .bridge }
    if files.exists("\(folder(name))/bonding") { return .bond }
    // The kernel's switch of Open vSwitch; its bridges are known to its own database only.
    if name == "ovs-system" { return .openVSwitch }
    let type = (text(name, "uevent") ?? "").split(separator: "\n").first { $0.hasPrefix("DEVTYPE=") }?.dropFirst(8)
    return type == "macvlan" || type == "macvtap" || files.exists("\(folder(name))/macvtap") ? .macvlan : .other
  }

  /// All that is above an interface, the nearest first.
  func above(_ name: String) -> [Upper] {
    var found: [Upper] = []
    var next = [(name: name, between: [String]())]
    while !next.isEmpty {
      let (below, between) = next.removeFirst()
      for upper in uppers(below) where upper != name && !found.contains(where: { $0.name == upper }) {
        found.append(Upper(name: upper, kind: kind(upper), between: between))
        next.append((upper, between + [upper]))
      }
    }
    return found
  }

  func ports(ofBridge name: String) -> [String] { files.names(in: "\(folder(name))/brif") ?? [] }

  /// Whether a bridge gives the MACs behind it to the interface below its port: it does where nothing has to be learned
  /// on any other port, and keeps that port out of promiscuous mode then (`br_manage_promisc` in the kernel's
  /// net/bridge/br_if.c). libvirt sets bridges up so with `<bridge macTableManager='libvirt'/>`.
  func bridge(_ bridge: String, tellsMACsTo port: String) -> Bool {
    guard text(bridge, "bridge/vlan_filtering") == "1", !isPromiscuous(bridge) else { return false }
    return ports(ofBridge: bridge).allSatisfy { other in
      other == port || text(other, "brport/learning") == "0" && text(other, "brport/unicast_flood") == "0"
    }
  }
}
