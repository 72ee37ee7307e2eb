import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// One of vfpoold's flows, to be broken at each of its points. A new one is a few lines in `all`.
struct Flow: Sendable, CustomTestStringConvertible {
  var name: String
  /// How many VFs something else makes on each PF.
  var count = 3
  /// What was before: nothing goes wrong there.
  var before: @Sendable (MortalHost) async throws -> Void
  /// What is broken.
  var run: @Sendable (MortalHost) async throws -> Void
  /// What must succeed afterwards, and what must be true then.
  var again: (@Sendable (MortalHost) async throws -> Void)?

  var testDescription: String { name }
}

extension Flow {
  static func netdef(
    _ name: String, _ pfs: [String], policy: String = "pack", sticky: Bool = false, rate: Int = 500, vlan: Int? = nil
  ) -> String {
    let lines = pfs.map { "<vfpool:pf dev=\"\($0)\" vfs=\"3\"/>" }.joined(separator: "\n      ")
    return """
      <network>
        <name>\(name)</name>
        <metadata>
          <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1">
            \(lines)
            <vfpool:placement policy="\(policy)" sticky="\(sticky ? "yes" : "no")"/>
            <vfpool:vf trust="on" spoofchk="off" maxTxRate="\(rate)"/>
          </vfpool:pool>
        </metadata>
        <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
        \(vlan.map { "<vlan><tag id=\"\($0)\"/></vlan>" } ?? "")
      </network>
      """
  }

  private static let a = netdef("a", ["enp1s0"])
  private static let b = netdef("b", ["enp2s0"], vlan: 42)
  private static let both = netdef("a", ["enp1s0", "enp2s0"], policy: "spread")
  private static let matched = a.replacing("dev=\"enp1s0\"", with: "match=\"8086:10ca\"")
  private static let sticky = netdef("a", ["enp1s0"], sticky: true)
  private static let keep = a.replacing("vfpool:pool:1\"", with: "vfpool:pool:1\" mac=\"keep\"")
  /// Guest 1 with a MAC that it never had, and the same under another UUID.
  private static let redefined = FakeLibvirt.guest(1, networks: ["a"], mac: MACAddress(value: 0x5254_00ff_0001))
  private static let renewed = GuestDescription(
    guest: GuestID(name: redefined.guest.name, uuid: FakeLibvirt.uuid(77)), nics: redefined.nics, hostdevs: [])
  private static let bound = MACRequest(
    guest: redefined.guest.name, nic: NICName(pool: "a", position: 0), mac: MACAddress(value: 0x5254_00ff_0002))
  private static let observed = """
    <network><name>a</name><forward mode='hostdev' managed='yes'><pf dev='enp1s0'/></forward></network>
    """
  private static let dirty = VFIndex(pf: "enp1s0", index: 0)
  private static let fromA = AttachRequest(.pool("a", portgroup: nil))
  private static let gpu = PCIAddress(bus: 7, slot: 0, function: 0)

  static let all: [Flow] = [
    Flow(name: "hand-out of one NIC") { host in
      try await host.apply(a)
    } run: { host in
      await host.start(.number(1, "a"))
    },

    Flow(name: "hand-out of two NICs of two pools") { host in
      try await host.apply(a)
      try await host.apply(b)
    } run: { host in
      await host.start(.number(1, "b", "a"))
    },

    Flow(name: "hand-out with holds") { host in
      try await host.apply(sticky)
      for number in 1...3 { await host.start(.number(number, "a")) }
      for number in 1...3 { await host.stop(.number(number, "a")) }
    } run: { host in
      await host.start(.number(3, "a"))
    },

    Flow(name: "two starts at once") { host in
      try await host.apply(sticky)
      for number in 1...3 { await host.start(.number(number, "a")) }
      for number in 1...3 { await host.stop(.number(number, "a")) }
    } run: { host in
      async let first: Void = host.start(.number(2, "a"))
      async let second: Void = host.start(.number(3, "a"))
      _ = await (first, second)
    },

    Flow(name: "return") { host in
      try await host.apply(both)
      for number in 1...3 { await host.start(.number(number, "a")) }
    } run: { host in
      await host.stop(.number(2, "a"))
    },

    Flow(name: "two guests end at once") { host in
      try await host.apply(a)
      try await host.apply(b)
      for number in 1...2 { await host.start(.number(number, "a", "b")) }
    } run: { host in
      async let first: Void = host.stop(.number(1, "a", "b"))
      async let second: Void = host.stop(.number(2, "a", "b"))
      _ = await (first, second)
    },

    Flow(name: "refusal") { host in
      try await host.apply(a)
      for number in 1...3 { await host.start(.number(number, "a")) }
    } run: { host in
      if await host.libvirt.start(.number(4, "a"), host) == nil { host.complain("a fourth guest has one of three VFs") }
    },

    Flow(name: "restart of a guest") { host in
      try await host.apply(b)
      await host.start(.number(1, "b"))
    } run: { host in
      await host.stop(.number(1, "b"))
      await host.start(.number(1, "b"))
    },

    Flow(name: "quarantine") { host in
      try await host.apply(a)
      await host.start(.number(1, "a"))
      host.kernel.state.withLock { _ = $0.deaf.insert(dirty) }
    } run: { host in
      await host.stop(.number(1, "a"))
    } again: { host in
      host.kernel.state.withLock { _ = $0.deaf.remove(dirty) }
    },

    Flow(name: "end of a quarantine") { host in
      try await host.apply(a)
      await host.start(.number(1, "a"))
      host.kernel.state.withLock { _ = $0.deaf.insert(dirty) }
      await host.stop(.number(1, "a"))
      await host.quiet()
      host.kernel.state.withLock { _ = $0.deaf.remove(dirty) }
    } run: { host in
      _ = await host.ask { try await $0.unquarantine("enp1s0/0") }
    },

    Flow(name: "apply of a new pool", count: 0) { _ in
    } run: { host in
      _ = await host.ask { try await $0.apply(netdef: both, plan: false) }
    } again: { host in
      try await host.apply(both)
      try host.expectNetwork("a", is: both, vfs: 6)
    },

    Flow(name: "apply of a changed pool") { host in
      try await host.apply(netdef("a", ["enp1s0"]))
    } run: { host in
      _ = await host.ask { try await $0.apply(netdef: netdef("a", ["enp1s0", "enp2s0"], vlan: 7), plan: false) }
    } again: { host in
      let changed = netdef("a", ["enp1s0", "enp2s0"], vlan: 7)
      // Guests that got a VF meanwhile keep the VLAN that they were started with.
      await host.stopAll()
      try await host.apply(changed)
      try host.expectNetwork("a", is: changed, vfs: 6)
    },

    Flow(name: "apply that restarts a network under guests") { host in
      try await host.apply(a)
      for number in 1...2 { await host.start(.number(number, "a")) }
    } run: { host in
      _ = await host.ask { try await $0.apply(netdef: both, plan: false) }
    } again: { host in
      try await host.apply(both)
      try host.expectNetwork("a", is: both, vfs: 6)
      await host.start(.number(5, "a"))
    },

    Flow(name: "apply that takes free VFs out under a guest") { host in
      try await host.apply(netdef("a", ["enp1s0", "enp2s0"]))
      await host.start(.number(1, "a"))
    } run: { host in
      _ = await host.ask { try await $0.apply(netdef: a, plan: false) }
    } again: { host in
      try await host.apply(a)
      try host.expectNetwork("a", is: a, vfs: 3)
    },

    Flow(name: "a card comes that a pool means") { host in
      guard let card = host.kernel.unplug("enp2s0") else { return }
      try await host.apply(matched)
      for number in 1...2 { await host.start(.number(number, "a")) }
      await host.quiet()
      host.kernel.plug(card)
    } run: { host in
      _ = await host.ask { try await $0.reconcile(plan: false) }
    } again: { host in
      try host.expectNetwork("a", is: matched, vfs: 6)
    },

    Flow(name: "apply of a pool changed under a guest") { host in
      try await host.apply(a)
      await host.start(.number(1, "a"))
      if let vf = host.kernel.pci("enp1s0", 0) { host.allow(VFSettings(maxTxRate: 500), on: vf) }
    } run: { host in
      _ = await host.ask { try await $0.apply(netdef: netdef("a", ["enp1s0"], rate: 800), plan: false) }
    } again: { host in
      let changed = netdef("a", ["enp1s0"], rate: 800)
      try await host.apply(changed)
      try host.expectNetwork("a", is: changed, vfs: 3)
      await host.start(.number(1, "a"), again: true)
    },

    Flow(name: "enforce") { host in
      _ = try await host.libvirt.define(xml: observed)
      try await host.libvirt.setAutostart(true, network: "a")
      try await host.libvirt.start(network: "a")
      await host.start(.number(1, "a"))
      _ = await host.ask { try await $0.reconcile(plan: false) }
    } run: { host in
      _ = await host.ask { try await $0.enforce(pool: "a", plan: false) }
    } again: { host in
      try await host.must { try await $0.enforce(pool: "a", plan: false) }
    },

    Flow(name: "stop and start of a pool") { host in
      try await host.apply(a)
    } run: { host in
      _ = await host.ask { try await $0.stopPool("a") }
      _ = await host.ask { try await $0.startPool("a") }
    } again: { host in
      try await host.must { try await $0.startPool("a") }
    },

    Flow(name: "remove") { host in
      try await host.apply(a)
      try await host.apply(b)
      await host.start(.number(1, "b"))
    } run: { host in
      _ = await host.ask { try await $0.removePool("a", plan: false) }
    } again: { host in
      if host.ledger.contents.leases.values.contains(where: { $0.pool == "a" }) { return }
      if host.ledger.contents.pools["a"] != nil { try await host.must { try await $0.removePool("a", plan: false) } }
      if host.libvirt.state.withLock({ $0.networks["a"] }) != nil { host.complain("network a is left") }
    },

    Flow(name: "set-vfs up", count: 0) { _ in
    } run: { host in
      _ = await host.ask { try await $0.setVFCount(2, pf: "enp1s0", plan: false) }
    } again: { host in
      try await host.must { try await $0.setVFCount(2, pf: "enp1s0", plan: false) }
      if host.kernel.state.withLock({ $0.vfs.count }) != 2 { host.complain("there aren't two VFs") }
    },

    Flow(name: "set-vfs down", count: 0) { host in
      try await host.must { try await $0.setVFCount(3, pf: "enp1s0", plan: false) }
    } run: { host in
      _ = await host.ask { try await $0.setVFCount(0, pf: "enp1s0", plan: false) }
    } again: { host in
      try await host.must { try await $0.setVFCount(0, pf: "enp1s0", plan: false) }
      if host.kernel.state.withLock({ $0.vfs.count }) != 0 { host.complain("there are VFs left") }
    },

    Flow(name: "vf set of free VFs") { host in
      try await host.apply(a)
    } run: { host in
      _ = await host.ask { try await $0.setVFs(["enp1s0/1-2"], VFSettings(trust: true, maxTxRate: 7), disrupt: []) }
    },

    Flow(name: "vf set under a guest") { host in
      try await host.apply(a)
      await host.start(.number(1, "a"))
      if let vf = host.kernel.pci("enp1s0", 0) { host.allow(VFSettings(maxTxRate: 7), on: vf) }
    } run: { host in
      _ = await host.ask { try await $0.setVFs(["enp1s0/0"], VFSettings(maxTxRate: 7), disrupt: ["g1"]) }
    },

    Flow(name: "vf reset") { host in
      try await host.apply(a)
      host.kernel.change(dirty, VFSettings(trust: true, minTxRate: 3))
    } run: { host in
      _ = await host.ask { try await $0.resetVF("enp1s0/0", disrupt: []) }
    },

    Flow(name: "self-test of a VF in a pool") { host in
      try await host.apply(sticky)
      await host.start(.number(1, "a"))
    } run: { host in
      _ = await host.ask { try await $0.selfTest(pf: "enp1s0") { ["mac", "trust"].contains($0) } }
    },

    Flow(name: "self-test of a VF in no pool") { host in
      try await host.apply(a)
    } run: { host in
      _ = await host.ask { try await $0.selfTest(pf: "enp2s0") { ["mac", "trust"].contains($0) } }
    },

    Flow(name: "adoption at a restart") { host in
      try await host.apply(a)
      try await host.apply(b)
      for number in 1...2 { await host.start(.number(number, "a", "b")) }
      await host.killDaemon()
      await host.stop(.number(1, "a", "b"))
      await host.start(.number(3, "a"))
      await host.start(.number(4, "b"))
    } run: { host in
      await host.startDaemon()
    },

    Flow(name: "first start after a power cut") { host in
      try await host.apply(a)
      try await host.apply(b)
      for number in 1...2 { await host.start(.number(number, "a", "b")) }
      await host.powerCut()
    } run: { host in
      await host.startDaemon()
    },

    Flow(name: "reconcile of lost ports") { host in
      try await host.apply(a)
      for number in 1...2 { await host.start(.number(number, "a")) }
      try await host.libvirt.stop(network: "a")
      try await host.libvirt.start(network: "a")
    } run: { host in
      _ = await host.ask { try await $0.reconcile(plan: false) }
    },

    Flow(name: "reconcile of lost counts") { host in
      try await host.apply(a)
      for number in 1...2 { await host.start(.number(number, "a")) }
      try await host.libvirt.clearCounts(of: "a")
    } run: { host in
      _ = await host.ask { try await $0.reconcile(plan: false) }
    },

    Flow(name: "MAC of a guest that is defined anew") { host in
      try await host.apply(keep)
      await host.libvirt.define(redefined, host)
      await host.start(.number(1, "a"))
      await host.stop(.number(1, "a"))
      host.libvirt.undefine(redefined.guest)
    } run: { host in
      await host.libvirt.define(redefined, host)
    } again: { host in
      host.libvirt.undefine(redefined.guest)
      await host.define(redefined, becomes: GuestDescription.number(1, "a").nics[0].mac)
    },

    Flow(name: "MAC of a guest that is defined anew with another UUID") { host in
      try await host.apply(keep)
      await host.start(.number(1, "a"))
      await host.stop(.number(1, "a"))
    } run: { host in
      await host.libvirt.define(renewed, host)
    } again: { host in
      // Also what vfpoold didn't hear of has its MAC by now.
      let (found, wanted) = (host.libvirt.definition(uuid: renewed.guest.uuid), GuestDescription.number(1, "a"))
      if found?.nics[0].mac != wanted.nics[0].mac { host.complain("it is defined as \(String(describing: found))") }
    },

    Flow(name: "mac bind") { host in
      try await host.apply(keep)
      await host.libvirt.define(redefined, host)
    } run: { host in
      _ = await host.ask { try await $0.bindMAC(bound) }
    } again: { host in
      try await host.must { try await $0.bindMAC(bound) }
      if host.libvirt.definition(uuid: redefined.guest.uuid)?.nics[0].mac != bound.mac {
        host.complain("it isn't written")
      }
    },

    Flow(name: "attach") { host in
      try await host.apply(a)
      host.define(.number(1))
      await host.start(.number(1))
    } run: { host in
      _ = await host.ask { try await $0.attach(fromA, to: "g1", [.live, .config]) }
    },

    Flow(name: "start with a VF by its address") { host in
      try await host.apply(a)
    } run: { host in
      await host.start(host.fixed(1, VFIndex(pf: "enp1s0", index: 1)))
    },

    Flow(name: "detach") { host in
      try await host.apply(a)
      host.define(.number(1))
      await host.start(.number(1))
      try await host.must { try await $0.attach(fromA, to: "g1", [.live, .config]) }
    } run: { host in
      _ = await host.ask {
        try await $0.detach(.device("enp1s0/0"), from: "g1", [.live, .config], timeout: .seconds(1))
      }
    },

    Flow(name: "detach of what the guest got at its start") { host in
      try await host.apply(b)
      await host.start(.number(1, "b"))
    } run: { host in
      _ = await host.ask { try await $0.detach(.device("enp2s0/0"), from: "g1", .live, timeout: .seconds(1)) }
    },

    Flow(name: "attach of a card with several functions") { host in
      for function: UInt8 in 0...1 {
        host.devices.add(
          PCIDevice(
            pci: PCIAddress(bus: gpu.bus, slot: gpu.slot, function: function),
            ids: PCIIDs(deviceClass: 0x0300, vendor: 0x10de, device: 0x1b80), driver: "vfio-pci", iommuGroup: 30))
      }
      host.define(.number(1))
    } run: { host in
      _ = await host.ask { try await $0.attach(AttachRequest(.device("\(gpu)"), isMultifunction: true), to: "g1", []) }
    } again: { host in
      // Where it is defined already, that is refused.
      _ = await host.ask { try await $0.attach(AttachRequest(.device("\(gpu)"), isMultifunction: true), to: "g1", []) }
      let defined = host.libvirt.state.withLock { $0.defined.first?.hostdevs.count }
      if defined != 2 { host.complain("\(defined ?? 0) functions are defined") }
    },

    Flow(name: "detach and reattach of a device") { host in
      host.devices.add(
        PCIDevice(
          pci: gpu, ids: PCIIDs(deviceClass: 0x0300, vendor: 0x10de, device: 0x1b80), driver: "nouveau", iommuGroup: 30)
      )
    } run: { host in
      _ = await host.ask { try await $0.changeDevices(["\(gpu)"], .detach) }
      _ = await host.ask { try await $0.changeDevices(["\(gpu)"], .reattach) }
    } again: { host in
      try await host.must { try await $0.changeDevices(["\(gpu)"], .reattach) }
      if host.devices.state.withLock({ $0.others.first?.driver }) != "nouveau" {
        host.complain("the device isn't back")
      }
    },
  ]
}

extension GuestDescription {
  static func number(_ number: Int, _ networks: String...) -> GuestDescription {
    FakeLibvirt.guest(number, networks: networks)
  }
}

// MARK: What flows are made of

extension MortalHost {
  struct Wrong: Error, CustomStringConvertible { var description: String }

  /// What vfpoold must do.
  func must<T: Sendable>(_ body: @escaping @Sendable (PoolManager) async throws -> T) async throws {
    guard let result = await ask(body) else { throw Wrong(description: "vfpoold is dead") }
    _ = try result.get()
    await quiet()
  }

  func apply(_ xml: String) async throws { try await must { try await $0.apply(netdef: xml, plan: false) } }

  func start(_ guest: GuestDescription, again: Bool) async {
    if again, libvirt.state.withLock({ $0.running[guest.guest.uuid] }) != nil { await stop(guest) }
    await start(guest)
  }

  func define(_ guest: GuestDescription) { libvirt.state.withLock { $0.defined.append(guest) } }

  /// A guest that names a VF by its address.
  func fixed(_ number: Int, _ vf: VFIndex) -> GuestDescription {
    var guest = GuestDescription.number(number)
    let mac = MACAddress(value: 0x5254_0000_0000 | UInt64(number) << 8)
    guest.nics = [.init(source: .hostdev(kernel.pci(vf.pf, vf.index)), mac: mac, index: 0)]
    return guest
  }

  func stopAll() async {
    let guests = libvirt.state.withLock { Array($0.running.values) }
    for guest in guests { await stop(guest) }
    await quiet()
  }

  func unquarantineAll() async throws {
    for vf in ledger.contents.quarantines.keys.sorted() { try await must { try await $0.unquarantine("\(vf)") } }
  }

  /// The network must be as an apply that nothing disturbs makes it.
  func expectNetwork(_ name: String, is xml: String, vfs: Int) throws {
    guard let network = libvirt.state.withLock({ $0.networks[name] }), let pool = ledger.contents.pools[name] else {
      throw Wrong(description: "there is no network \(name), or no pool")
    }
    let wanted = try Netdef(xml: xml)
    let expected = wanted.xml(uuid: network.facts.uuid, addresses: pool.addresses)
    let read = { (xml: String) in
      var pool = try Netdef(libvirtXML: xml).pool
      pool.uuid = nil
      return pool
    }
    guard let defined = network.facts.inactiveXML, try read(defined) == read(expected) else {
      throw Wrong(description: "network \(name) is defined as \(network.facts.inactiveXML ?? "nothing")")
    }
    guard network.facts.active, network.facts.autostart, network.pool.addresses.count == vfs else {
      throw Wrong(description: "network \(name) isn't as it must be: \(network)")
    }
    guard pool.policy == wanted.pool.policy, pool.vlan == wanted.pool.vlan, ledger.contents.netdefs[name] == xml else {
      throw Wrong(description: "pool \(name) isn't as it was applied: \(pool)")
    }
  }

  /// After all that, guests get VFs and give them back.
  func exercise() async throws {
    await stopAll()
    try await unquarantineAll()
    for (place, pool) in ledger.contents.pools.keys.sorted().enumerated() {
      guard libvirt.state.withLock({ $0.networks[pool]?.facts.active }) == true else { continue }
      let guest = GuestDescription.number(90 + place, pool)
      await start(guest)
      await quiet()
      for violation in await violations() { complain("with \(guest.guest.name): \(violation)") }
      await stop(guest)
      await quiet()
    }
    // Something is written.
    try await must { try await $0.commit([]) }
    noteExercise()
    // What was claimed for a guest of whose end nobody told goes once a start's time is over.
    let end = ContinuousClock.now + .seconds(6)
    while !ledger.contents.leases.isEmpty, ContinuousClock.now < end {
      try? await Task.sleep(for: .milliseconds(5))
      await quiet()
    }
    if !ledger.contents.leases.isEmpty || !ledger.contents.holds.isEmpty {
      complain("left: \(ledger.contents.leases.values), \(ledger.contents.holds.values)")
    }
  }
}
