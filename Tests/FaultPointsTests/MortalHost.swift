import FaultPoints
import FlowFakes
import LibvirtXML
import Logging
import PoolModel
import Synchronization

@testable import PoolFlows

/// A host whose vfpoold can die at any fault point, and be started again, while libvirt and the kernel go on.
final class MortalHost: HookListener {
  let kernel: FakeKernel
  let libvirt: FakeLibvirt
  let devices: FakeDevices
  let ledger = FakeLedger()
  let clock = FakeClock(step: 1)
  let trigger = Trigger()
  /// Each VF as its card makes it.
  let fresh: [PCIAddress: VFState]

  struct Daemon {
    let manager: PoolManager
    let life: Life
  }

  private struct State {
    var daemon: Daemon?
    var starting: Task<Void, Never>?
    var boots = 1
    var restartsAtOnce = false
    var writesAtDeath = false
    var lostSomething = false
    var wasExercised = false
    /// What went wrong on the way.
    var complaints: [String] = []
    /// What guests may have beyond their pool's settings.
    var allowed: [PCIAddress: VFSettings] = [:]
    var bindings: [LedgerContents.BindingKey: MACBinding] = [:]
  }

  private let state = Mutex(State())

  /// Two cards of three VFs at most; `count`: how many each has that something else makes.
  init(count: Int = 3) async throws {
    kernel = FakeKernel(count: count, total: 3)
    libvirt = FakeLibvirt(kernel: kernel)
    devices = FakeDevices(kernel: kernel)
    fresh = FakeKernel(count: 3, total: 3).state.withLock { state in
      Dictionary(
        uniqueKeysWithValues: state.vfs.values.compactMap { vf in
          guard let pci = vf.pci, let state = vf.state else { return nil }
          return (pci, state)
        })
    }
    ledger.state.withLock { $0.isSlow = true }
    libvirt.state.withLock { state in
      state.onUnplug = { [weak self] guest, alias, _ in
        _ = await self?.ask { await $0.deviceRemoved(alias, from: guest.uuid) }
      }
    }
    await startDaemon()
    await quiet()
  }

  // MARK: vfpoold's lives

  var daemon: Daemon? { state.withLock { $0.daemon } }
  private var alive: Daemon? { daemon.flatMap { $0.life.isOver ? nil : $0 } }

  /// Starts vfpoold, which reads everything and connects to libvirt; returns when it does, or has died.
  func startDaemon() async {
    let start = state.withLock { state in
      let start = state.starting ?? Task { await self.startNow() }
      state.starting = start
      return start
    }
    await start.value
    state.withLock { $0.starting = nil }
  }

  private func startNow(attempt: Int = 1) async {
    let life = Life(trigger)
    life.atEnd { [weak self] in self?.daemonDied() }
    var log = Logger(label: "test")
    log.logLevel = .critical
    let clock = clock
    let neighbours = PoolManager.Neighbours(
      links: kernel, networks: libvirt, guests: libvirt, devices: devices, ledger: ledger, now: { clock.tick() },
      newUUID: { clock.uuid() })
    let manager = PoolManager(
      neighbours.withFaults { try life.pass($0) }, bootID: "boot-\(state.withLock(\.boots))", log: log,
      turnLimit: .seconds(2), watchPatience: .init(settle: .zero, recovery: .seconds(3)))
    kernel.boot()
    let loaded = await life.outcome { (try? await manager.load()) != nil }
    guard loaded == true else {
      // systemd starts it again, until what keeps it from starting is over.
      if attempt == 3 { trigger.disarm() }
      return await startNow(attempt: attempt + 1)
    }
    state.withLock { $0.daemon = Daemon(manager: manager, life: life) }
    await manager.libvirtConnected()
  }

  /// SIGKILL, or a crash.
  func killDaemon() async {
    guard let daemon else { return }
    daemon.life.end()
    await bury()
  }

  private func daemonDied() {
    if state.withLock(\.writesAtDeath) { return ledger.flush() }
    let lost = ledger.losePending()
    state.withLock { $0.lostSomething = $0.lostSomething || lost }
  }

  /// What a dead manager still has in mind goes nowhere; it shall not try for ever.
  private func bury() async {
    guard let daemon, daemon.life.isOver else { return }
    state.withLock { if $0.daemon?.life === daemon.life { $0.daemon = nil } }
    await daemon.manager.libvirtDisconnected()
  }

  /// Waits until vfpoold has nothing to do, has died, or has met its fault; half a second at most.
  func quiet() async {
    let struck = trigger.struck
    for round in 0..<500 {
      for _ in 0..<10 { await Task.yield() }
      guard let alive, trigger.struck == struck else { return }
      if await alive.manager.isQuiet {
        ledger.flush()
        if round > 1 { return }
      } else if round > 20 {
        try? await Task.sleep(for: .milliseconds(1))
      }
    }
  }

  /// What the living vfpoold answers; nil when there is none, or it dies before it can.
  func ask<T: Sendable>(_ body: @escaping @Sendable (PoolManager) async throws -> T) async -> Result<T, any Error>? {
    guard let daemon = alive else { return nil }
    let answer = await daemon.life.outcome { () async -> Result<T, any Error> in
      do { return .success(try await body(daemon.manager)) } catch { return .failure(error) }
    }
    if answer == nil {
      await bury()
      if state.withLock(\.restartsAtOnce), self.daemon == nil { await startDaemon() }
    }
    return answer
  }

  func prepare(_ guest: GuestDescription, deadline: HookDeadline) async -> HookVerdict {
    (try? await ask { await $0.prepare(guest, deadline: deadline) }?.get()) ?? .go
  }

  func allocated(_ port: NetworkPort, network: String, deadline: HookDeadline) async {
    _ = await ask { await $0.allocated(port, network: network, deadline: deadline) }
  }

  func started(_ guest: GuestID, deadline: HookDeadline) async {
    _ = await ask { await $0.started(guest, deadline: deadline) }
  }

  func freed(_ port: NetworkPort, network: String, deadline: HookDeadline) async {
    _ = await ask { await $0.freed(port, network: network, deadline: deadline) }
  }

  func release(_ guest: GuestID) async { _ = await ask { await $0.release(guest) } }
  func guestStarted(_ uuid: String) async { _ = await ask { await $0.guestStarted(uuid) } }
  func guestStopped(_ uuid: String) async { _ = await ask { await $0.guestStopped(uuid) } }
  func guestDefined(_ guest: GuestID) async { _ = await ask { await $0.guestDefined(guest) } }

  // MARK: What people do

  /// A guest that must start.
  func start(_ guest: GuestDescription) async {
    if let why = await libvirt.start(guest, self) { complain("\(guest.guest.name) didn't start: \(why)") }
  }

  func stop(_ guest: GuestDescription) async { await libvirt.stop(guest.guest, self) }

  /// A guest that libvirt didn't know, as it must be defined once vfpoold has heard of it.
  func define(_ guest: GuestDescription, becomes mac: MACAddress?) async {
    await libvirt.define(guest, self)
    await quiet()
    let found = libvirt.definition(uuid: guest.guest.uuid)?.nics[0].mac
    if found != mac { complain("\(guest.guest.name) is defined with \(String(describing: found))") }
  }

  func noteExercise() { state.withLock { $0.wasExercised = true } }
  /// Whether flows have gone well since the fault.
  var wasExercised: Bool { state.withLock(\.wasExercised) }

  func complain(_ text: String) { state.withLock { $0.complaints.append(text) } }
  var complaints: [String] { state.withLock(\.complaints) }

  /// An admin may have changed this VF under its guest.
  func allow(_ settings: VFSettings, on vf: PCIAddress) { state.withLock { $0.allowed[vf] = settings } }
  func allowed(on vf: PCIAddress) -> VFSettings { state.withLock { $0.allowed[vf] ?? VFSettings() } }

  /// The MACs that have to last.
  var bindings: [LedgerContents.BindingKey: MACBinding] { state.withLock(\.bindings) }

  // MARK: Faults

  /// Whether the ledger lost something that it was given, at a kill.
  var lostSomething: Bool { state.withLock(\.lostSomething) }

  func arm(_ fault: Fault, at hit: Int, restartsAtOnce: Bool) async {
    await quiet()
    ledger.flush()
    state.withLock {
      $0.restartsAtOnce = restartsAtOnce
      $0.writesAtDeath = fault == .killAfterWriting
      $0.lostSomething = false
      $0.bindings = ledger.contents.bindings
    }
    trigger.arm(fault, at: hit)
  }

  /// The fault is over: vfpoold runs, is connected to libvirt, and has reconciled.
  func recover() async {
    trigger.disarm()
    await bury()
    if let alive {
      await alive.manager.libvirtDisconnected()
      await alive.manager.libvirtConnected()
      await quiet()
    } else {
      await startDaemon()
      await quiet()
    }
    clock.advance(seconds: 60)
    _ = await ask { try await $0.reconcile(plan: false) }
    await quiet()
  }

  /// Nothing of it goes on.
  func end() async {
    trigger.disarm()
    await killDaemon()
  }

  func powerCut() async {
    await killDaemon()
    state.withLock { $0.boots += 1 }
    kernel.reboot()
    libvirt.reboot()
  }
}

extension PoolManager {
  /// Nothing goes on in the background, and no start has its turn.
  var isQuiet: Bool {
    (backgroundReconcile == nil || retryPause != nil) && pendingLook == nil && pendingDeviceLook == nil && turns.isIdle
  }
}
