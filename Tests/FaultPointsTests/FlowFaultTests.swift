import FaultPoints
import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// What happens between the fault and the next look.
enum Meanwhile: String, Sendable, CaseIterable {
  case restartedAtOnce
  case restartedLater
  case guestsStop
  case guestsChange
  case powerCut
}

struct FlowFaultTests {
  @Test(arguments: Flow.all, Meanwhile.allCases)
  func killedAtEveryPoint(_ flow: Flow, _ meanwhile: Meanwhile) async throws {
    try await everyPoint(of: flow, [.kill], meanwhile)
  }

  @Test(arguments: Flow.all)
  func errorAtEveryPoint(_ flow: Flow) async throws {
    try await everyPoint(of: flow, [.error, .lastingError], .restartedLater)
  }

  private func everyPoint(of flow: Flow, _ faults: [Fault], _ meanwhile: Meanwhile) async throws {
    var found: [String: [String]] = [:]
    for fault in faults {
      var hit = 1
      while var outcome = try await once(flow, fault, at: hit, meanwhile) {
        if !outcome.violations.isEmpty, let second = try await once(flow, fault, at: hit, meanwhile) {
          // On a busy machine what runs beside the flow may come too late to count; what is wrong is wrong again.
          if second.violations.isEmpty { print("\(flow.name), \(fault) \(hit): seen once: \(outcome.violations)") }
          outcome = second
        }
        var outcomes = [(fault, outcome)]
        // Only then it makes a difference.
        if outcome.lost, let other = try await once(flow, .killAfterWriting, at: hit, meanwhile) {
          outcomes.append((.killAfterWriting, other))
        }
        for (fault, outcome) in outcomes {
          for violation in outcome.violations {
            found[violation, default: []].append("\(fault) \(hit) \(outcome.point)")
          }
        }
        hit += 1
        if hit > 1000 { throw MortalHost.Wrong(description: "\(flow.name) has no end") }
      }
      #expect(hit > 4, "\(flow.name) passes no points")
    }
    for (violation, points) in found.sorted(by: { $0.key < $1.key }) {
      let more = points.count > 3 ? ", and \(points.count - 3) more" : ""
      Issue.record("\(flow.name), \(meanwhile): \(violation)\n  at \(points.prefix(3).joined(separator: ", "))\(more)")
    }
  }

  private struct Outcome {
    var point: FaultPoint
    /// Whether something that the ledger was given was lost.
    var lost: Bool
    var violations: [String]
  }

  /// Nil: the flow ended before it had passed that many points.
  private func once(
    _ flow: Flow, _ fault: Fault, at hit: Int, _ meanwhile: Meanwhile
  ) async throws -> Outcome? {
    let host = try await MortalHost(count: flow.count)
    try await flow.before(host)
    await host.arm(fault, at: hit, restartsAtOnce: meanwhile == .restartedAtOnce)
    try await flow.run(host)
    await host.quiet()
    guard let point = host.trigger.struck else {
      await host.end()
      return nil
    }
    if fault.kills { await pass(meanwhile, host) }
    await host.recover()
    var violations = await host.violations()
    if violations.isEmpty {
      do {
        if let again = flow.again {
          try await again(host)
          violations = await host.violations().map { "again: \($0)" }
        }
        try await host.exercise()
        violations += await host.violations().map { "at the end: \($0)" }
      } catch {
        violations = ["again: \(error)"]
      }
    }
    await host.end()
    return Outcome(point: point, lost: host.lostSomething, violations: violations)
  }

  private func pass(_ meanwhile: Meanwhile, _ host: MortalHost) async {
    switch meanwhile {
    case .restartedAtOnce, .restartedLater: break
    case .guestsStop, .guestsChange:
      await host.killDaemon()
      let guests = host.libvirt.state.withLock { $0.running.values.sorted { $0.guest.name < $1.guest.name } }
      for guest in guests { await host.stop(guest) }
      guard meanwhile == .guestsChange else { return }
      let networks = host.libvirt.state.withLock { $0.networks.filter(\.value.facts.active).keys.sorted() }
      for (place, network) in networks.enumerated() { await host.start(.number(50 + place, network)) }
    case .powerCut: await host.powerCut()
    }
  }
}
