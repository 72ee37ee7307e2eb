import Testing

@testable import Etcd

struct TrailTests {
  private let one: EtcdEndpoint
  private let other: EtcdEndpoint

  init() throws {
    one = try EtcdEndpoint("https://one")
    other = try EtcdEndpoint("https://other")
  }

  @Test func theLastAttemptOnEachEndpointIsTold() {
    var trail = Trail(.once)
    trail.note(one, "refused", mayBeDone: false)
    trail.note(other, "stopped", mayBeDone: false)
    trail.note(one, "no leader", mayBeDone: false)
    #expect(
      trail.error
        == .unreachable([.init(endpoint: other, detail: "stopped"), .init(endpoint: one, detail: "no leader")]))
  }

  @Test(arguments: [
    (Call.Kind.read, false), (.once, true), (.repeatable, true), (.idempotent, true),
  ])
  func whatMayBeDoneStaysSo(kind: Call.Kind, isUncertain: Bool) {
    var trail = Trail(kind)
    trail.note(one, "no answer in time", mayBeDone: true)
    trail.note(other, "connection refused", mayBeDone: false)
    if case .uncertain(let attempts) = trail.error {
      #expect(isUncertain && attempts.count == 2)
    } else {
      #expect(!isUncertain)
    }
  }

  @Test func aReasonGivenLaterDoesNotUndoADoubt() {
    for (kind, isUncertain) in [(Call.Kind.repeatable, true), (.idempotent, false), (.read, false)] {
      var trail = Trail(kind)
      #expect(trail.error(.noSpace, at: other) == .noSpace)
      trail.note(one, "no answer in time", mayBeDone: true)
      if case .uncertain(let attempts) = trail.error(.noSpace, at: other) {
        #expect(isUncertain && attempts.last?.detail.contains("database is full") == true)
      } else {
        #expect(!isUncertain)
      }
    }
  }
}
