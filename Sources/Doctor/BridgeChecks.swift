import PoolModel
import Sysfs

/// What is on top of PFs that have VFs, and what of it VFs don't reach.
///
/// A card's switch forwards by the MACs that it was given. A PF in a bridge hears all that comes from the cable, but
/// what VFs send to a MAC that the card doesn't know goes out by the cable.
extension Examination {
  func bridgeChecks() -> [Check] {
    let stack = NetdevStack(files: files)
    let pfs = stacks(stack)
    return [pfBridges(pfs, stack), pfMACVTaps(pfs, stack), pfBonds(pfs, stack)]
  }

  /// A port of a PF that has VFs, with all that is above it.
  struct PFStack {
    var name: String
    var mtu: Int?
    var uppers: [NetdevStack.Upper]
  }

  func stacks(_ stack: NetdevStack) -> [PFStack] {
    scan.pfs.filter { $0.numVFs > 0 }.flatMap { pf in
      pf.netdevs.map { PFStack(name: $0, mtu: stack.number($0, "mtu"), uppers: stack.above($0)) }
    }
  }

  /// `vnet0, vnet1, vnet2 and 5 more`
  private func list(_ names: [String]) -> String {
    names.count > 4
      ? "\(names.prefix(3).joined(separator: ", ")) and \(names.count - 3) more" : names.joined(separator: ", ")
  }

  private func pfBridges(_ pfs: [PFStack], _ stack: NetdevStack) -> Check {
    var found: [String] = []
    var fix: [String] = []
    var bridges = 0
    var concerned: [String] = []
    for pf in pfs where !stack.isSwitchPort(pf.name) {
      for upper in pf.uppers where upper.kind == .bridge || upper.kind == .openVSwitch {
        bridges += 1
        let port = upper.between.last ?? pf.name
        let through = upper.between.isEmpty ? "" : " (through \(upper.between.joined(separator: ", ")))"
        if upper.kind == .openVSwitch {
          let others = stack.lowers(upper.name).filter { $0 != port }
          guard !others.isEmpty else { continue }
          concerned.append(pf.name)
          found.append(
            "Open vSwitch has PF \(pf.name)\(through) as a port: VFs of \(pf.name) don't reach what is behind its other "
              + "ports (\(list(others))) unless the card was given their MACs")
          fix +=
            ["ovs-vsctl port-to-br \(port)   # tells its bridge; ovs-vsctl list-ports BRIDGE: what is in it"]
            + waysOut(of: pf.name, "that bridge")
          continue
        }
        guard !stack.bridge(upper.name, tellsMACsTo: port) else { continue }
        let others =
          stack.ports(ofBridge: upper.name).filter { $0 != port }
          + stack.above(upper.name).filter { $0.kind == .macvlan }.map(\.name)
        if !others.isEmpty {
          concerned.append(pf.name)
          found.append(
            "bridge \(upper.name) has PF \(pf.name)\(through) as a port: VFs of \(pf.name) don't reach what is behind its "
              + "other ports (\(list(others))) unless the card was given their MACs")
          fix += waysOut(of: pf.name, upper.name)
        }
        if let own = stack.text(upper.name, "address"), let known = stack.text(pf.name, "address"), own != known {
          found.append("\(upper.name) has MAC \(own), PF \(pf.name) \(known): VFs may not reach the host itself there")
          fix.append("bridge fdb add \(own) dev \(pf.name) self")
        }
      }
    }
    found += concerned.firstOnes.map {
      "sysfs doesn't tell which MACs the card was given; this does: bridge fdb show dev \($0)"
    }
    return verdict(
      .pfBridges, found,
      or: bridges == 0 ? "no PF with VFs is in a bridge" : "VFs reach what is in the bridges that their PFs are in",
      fix: fix.firstOnes)
  }

  private func waysOut(of pf: String, _ bridge: String) -> [String] {
    [
      "give the guests in \(bridge) VFs, too, or give \(bridge) a port of a card without VFs",
      "or, for each MAC behind the bridge, until the next boot: bridge fdb add MAC dev \(pf) self",
    ]
  }

  /// The kernel gives a macvtap's MAC to the card (`macvlan_open` in its drivers/net/macvlan.c), as far as the driver
  /// takes further MACs.
  private func pfMACVTaps(_ pfs: [PFStack], _ stack: NetdevStack) -> Check {
    var known: [String] = []
    var found: [String] = []
    var fix: [String] = []
    for pf in pfs {
      let taps = pf.uppers.filter { upper in
        upper.kind == .macvlan && !upper.between.contains { [.bridge, .openVSwitch].contains(stack.kind($0)) }
      }
      guard !taps.isEmpty else { continue }
      let names = list(taps.map(\.name))
      let isInBridge = pf.uppers.contains { $0.kind == .bridge || $0.kind == .openVSwitch }
      if stack.isPromiscuous(pf.name), !isInBridge, !stack.isSwitchPort(pf.name) {
        found.append(
          "\(names) on PF \(pf.name), which is promiscuous: where that is because its driver takes no further MACs, VFs "
            + "don't reach \(names)")
        fix.append(
          "ip -d link show \(pf.name)   # “promiscuity” is 0 unless somebody listens, or a macvtap is passthru")
        fix.append("give these guests VFs, too")
      } else {
        known.append("\(names) on PF \(pf.name): the card knows the MACs, VFs reach them")
      }
    }
    if !found.isEmpty { return Check(.pfMACVTaps, .warning, found + known, fix: fix.firstOnes) }
    return Check(.pfMACVTaps, .ok, known.isEmpty ? ["no PF with VFs has a macvtap on it"] : known)
  }

  /// The modes in which the switch takes the bond's cables for one (kernel's Documentation/networking/bonding.rst).
  private static let aggregating: Set<Substring> = ["802.3ad", "balance-rr", "balance-xor", "broadcast"]

  private func pfBonds(_ pfs: [PFStack], _ stack: NetdevStack) -> Check {
    var found: [String] = []
    var fix: [String] = []
    let bonds = Set(pfs.flatMap(\.uppers).filter { $0.kind == .bond }.map(\.name)).sorted()
    for bond in bonds {
      let members = (stack.text(bond, "bonding/slaves") ?? "").split(separator: " ").map(String.init)
      let own = pfs.filter { pf in members.contains(pf.name) && !stack.isSwitchPort(pf.name) }.map(\.name)
      guard members.count > 1, !own.isEmpty else { continue }
      let mode = (stack.text(bond, "bonding/mode") ?? "").split(separator: " ").first ?? "?"
      if Self.aggregating.contains(mode) {
        found.append(
          "bond \(bond) (\(mode)) has PF \(list(own)): the switch spreads what it sends to a VF over \(list(members)), "
            + "and only what comes by the VF's own PF arrives")
        fix.append("bond \(bond): use mode active-backup, and no aggregation on the switch's ports")
      } else {
        found.append("bond \(bond) (\(mode)) has PF \(list(own)): VFs don't follow its fail-over")
      }
      fix.append(
        "give guests that need fail-over a VF of each PF and bond these in the guest (active-backup), or a virtio NIC whose "
          + "faster half is the VF (vfpool guest attach --teaming)")
    }
    return verdict(
      .pfBonds, found, or: bonds.isEmpty ? "no PF with VFs is in a bond" : "no bond has a PF with VFs and another link",
      fix: fix.firstOnes)
  }
}
