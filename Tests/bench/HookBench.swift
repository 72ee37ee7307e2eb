import ControlServer
import FlowFakes
import Foundation
import GRDB
import LedgerStore
import LibvirtXML
import Logging
import PoolFlows
import PoolModel
import ServiceLifecycle

/// One hook call, from the fork of the hook to its exit, with a durable record in a ledger on disk, against `/bin/true`
/// plus one bare SQLite commit with synchronous=FULL: alternating, so that both see the same machine.
///
/// Kernel and libvirt are in memory behind their protocols; hook, socket, flows and ledger are the real ones.
@main
struct HookBench {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3 else {
      print(
        "usage: bench HOOK FOLDER [PAIRS]   HOOK: the release build's vfpool-hook; FOLDER: on the disk to be measured")
      exit(2)
    }
    let hook = arguments[1]
    let folder = arguments[2] + "/vfpool-bench-\(getpid())"
    let pairs = arguments.count > 3 ? Int(arguments[3]) ?? 200 : 200
    try FileManager.default.createDirectory(atPath: folder + "/qemu.d", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createSymbolicLink(
      atPath: folder + "/qemu.d/50-vfpool", withDestinationPath: URL(fileURLWithPath: hook).standardizedFileURL.path)
    try "socket = \(folder)/sock\n".write(toFile: folder + "/vfpool.conf", atomically: true, encoding: .utf8)

    var log = Logger(label: "bench")
    log.logLevel = .error
    let kernel = FakeKernel()
    let libvirt = FakeLibvirt(kernel: kernel)
    let clock = FakeClock()
    let ledger = try LedgerStore(path: folder + "/ledger.sqlite")
    let manager = PoolManager(
      .init(
        links: kernel, networks: libvirt, guests: libvirt, devices: FakeDevices(kernel: kernel),
        ledger: ledger, now: { clock.tick() }, newUUID: { clock.uuid() }),
      bootID: "bench", log: log)
    try await manager.load()
    await manager.libvirtConnected()
    _ = try await manager.apply(netdef: FakeHost.spread, plan: false)

    let (up, told) = AsyncStream.makeStream(of: Void.self)
    let service = ControlService(
      manager: manager, audit: ledger, endpoint: .readWrite(path: folder + "/sock", groups: []),
      about: .init(version: "bench", share: "/usr/share/vfpool", now: { clock.tick() }) { .works }, log: log,
      onRunning: { told.yield() })
    let group = ServiceGroup(services: [service], logger: log)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      var running = up.makeAsyncIterator()
      _ = await running.next()
      try await measure(folder, pairs, manager)
      await group.triggerGracefulShutdown()
    }
  }

  private static func measure(_ folder: String, _ pairs: Int, _ manager: PoolManager) async throws {
    var configuration = Configuration()
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL") }
    let database = try DatabaseQueue(path: folder + "/bare.sqlite", configuration: configuration)
    try await database.write { try $0.execute(sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)") }
    var ratios: [Double] = []
    var times: (hook: [Double], bare: [Double]) = ([], [])
    for number in 0..<(pairs + 10) {
      let guest = FakeLibvirt.guest(number, networks: ["spread"])
      let xml = """
        <domain type='kvm'><name>\(guest.guest.name)</name><uuid>\(guest.guest.uuid)</uuid><devices>\
        <interface type='network'><mac address='\(guest.nics[0].mac.map { "\($0)" } ?? "")'/><source network='spread'/>\
        </interface></devices></domain>
        """
      try xml.write(toFile: folder + "/guest.xml", atomically: true, encoding: .utf8)
      let hookTime = try await timed {
        run(
          folder + "/qemu.d/50-vfpool", [guest.guest.name, "prepare", "begin", "-"], stdin: folder + "/guest.xml",
          environment: ["VFPOOL_CONF=\(folder)/vfpool.conf"])
      }
      let guestRun = await manager.run(of: guest.guest)
      precondition(guestRun.leases.count == 1, "the hook call recorded no lease")
      await manager.released(guestRun)
      let bareTime = try await timed {
        run("/bin/true", [], stdin: "/dev/null", environment: [])
        try await database.write { try $0.execute(sql: "INSERT INTO t (v) VALUES (?)", arguments: [xml]) }
      }
      // The first rounds warm caches up.
      if number < 10 { continue }
      ratios.append(hookTime / bareTime)
      times.hook.append(hookTime)
      times.bare.append(bareTime)
    }
    let (low, high) = interval(ratios)
    print(
      "hook call against /bin/true + SQLite commit: ratio \(two(median(ratios))) [\(two(low)), \(two(high))] "
        + "(\(two(median(times.hook))) ms against \(two(median(times.bare))) ms, \(pairs) pairs)")
  }

  private static func timed(_ body: () async throws -> Void) async throws -> Double {
    let start = ContinuousClock.now
    try await body()
    return start.duration(to: .now) / .milliseconds(1)
  }

  private static func run(_ path: String, _ arguments: [String], stdin: String, environment: [String]) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, stdin, O_RDONLY, 0)
    var argv = ([path] + arguments).map { strdup($0) } + [nil]
    var envp = environment.map { strdup($0) } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var pid = pid_t()
    guard posix_spawn(&pid, path, &actions, nil, &argv, &envp) == 0 else { fatalError("can't run \(path)") }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    precondition(status == 0, "\(path) failed: \(status)")
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  /// The median's 95 % interval by order statistics.
  private static func interval(_ values: [Double]) -> (Double, Double) {
    let sorted = values.sorted()
    let half = 0.98 * Double(sorted.count).squareRoot()
    let place = { (x: Double) in sorted[max(0, min(sorted.count - 1, Int(x)))] }
    return (place(Double(sorted.count) / 2 - half), place(Double(sorted.count) / 2 + half))
  }

  private static func two(_ value: Double) -> String { String(format: "%.2f", value) }
}

extension LedgerStore: Ledger, AuditLog {}
