import Foundation
import Testing

@testable import Etcd

/// Messages as etcd 3.4.23 sent them, shortened.
struct WatchReaderTests {
  private static let header = #""header":{"cluster_id":"32495","member_id":"33198","revision":"9","raft_term":"2"}"#

  private func event(_ key: String, at revision: Int, isDelete: Bool = false) -> String {
    let key = Wire.encode(ByteString(key).data).dropFirst().dropLast()
    let text = String(decoding: key, as: UTF8.self).replacingOccurrences(of: "\\/", with: "/")
    return (isDelete ? #"{"type":"DELETE","kv":"# : #"{"kv":"#) + #"{"key":"\#(text)","mod_revision":"\#(revision)"}}"#
  }

  private func message(id: Int = 1, revision: Int = 9, _ rest: String) -> [UInt8] {
    Array(
      #"{"result":{"header":{"cluster_id":"32495","member_id":"33198","revision":"\#(revision)"},"watch_id":"\#(id)"\#(rest.isEmpty ? "" : ",")\#(rest)}}"#
        .utf8)
  }

  private func revisions(_ finding: WatchReader.Finding?) -> [Int64]? {
    if case .batch(let batch) = finding { batch.events.map(\.revision) } else { nil }
  }

  @Test func recordedMessagesAreRead() throws {
    var reader = WatchReader([.prefix("m/")], after: 2, order: .total)
    _ = reader.request()
    let created = #"{"result":{\#(Self.header),"watch_id":"1","created":true}}"#
    #expect(reader.take(Array(created.utf8)) == .established(revision: 9))
    let put =
      #"{"result":{\#(Self.header),"watch_id":"1","events":[{"kv":{"key":"bS8x","create_revision":"3","mod_revision":"3","version":"1","value":"eA==","lease":"77"}}]}}"#
    let entry = Entry(key: "m/1", value: "x", createRevision: 3, modRevision: 3, version: 1, lease: 77)
    #expect(reader.take(Array(put.utf8)) == .batch(WatchBatch(revision: 3, events: [.put(entry, previous: nil)])))
    let delete =
      #"{"result":{\#(Self.header),"watch_id":"1","events":[{"type":"DELETE","kv":{"key":"bS8x","mod_revision":"4"},"prev_kv":{"key":"bS8x","create_revision":"3","mod_revision":"3","version":"1","value":"eA==","lease":"77"}}]}}"#
    #expect(
      reader.take(Array(delete.utf8))
        == .batch(WatchBatch(revision: 4, events: [.delete("m/1", revision: 4, previous: entry)])))
    #expect(reader.revision == 4)
  }

  @Test func aRequestGoesOnBehindWhatCame() {
    var reader = WatchReader([.prefix("a/"), .key("b")], after: 4, order: .perRange)
    _ = reader.take(message(id: 2, #""events":[\#(event("b", at: 7))]"#))
    let body = String(decoding: reader.request(), as: UTF8.self)
    #expect(body.contains(#""start_revision":"5""#) && body.contains(#""start_revision":"8""#), "\(body)")
    #expect(body.contains(#""watch_id":"1""#) && body.contains(#""watch_id":"2""#), "\(body)")
    #expect(reader.revision == 4)
  }

  @Test func repetitionsAreDropped() {
    var reader = WatchReader([.prefix("a/")], after: 4, order: .total)
    let events = #""events":[\#(event("a/1", at: 4)),\#(event("a/1", at: 5)),\#(event("a/1", at: 6))]"#
    #expect(revisions(reader.take(message(events))) == [5, 6])
    #expect(reader.take(message(events)) == nil)
  }

  @Test func aFragmentsLastRevisionWaitsForTheRest() {
    var reader = WatchReader([.prefix("a/")], after: 0, order: .total)
    let first = #""fragment":true,"events":[\#(event("a/1", at: 2)),\#(event("a/1", at: 3)),\#(event("a/2", at: 3))]"#
    #expect(revisions(reader.take(message(first))) == [2])
    #expect(reader.revision == 2)
    #expect(reader.take(message(#""fragment":true,"events":[\#(event("a/3", at: 3))]"#)) == nil)
    #expect(
      revisions(reader.take(message(#""events":[\#(event("a/4", at: 3)),\#(event("a/4", at: 4))]"#))) == [
        3, 3, 3, 3, 4,
      ])
    #expect(reader.revision == 4)
  }

  @Test func aBreakWithinFragmentsRepeatsTheRevisionWhole() {
    var reader = WatchReader([.prefix("a/")], after: 1, order: .total)
    _ = reader.take(message(#""fragment":true,"events":[\#(event("a/1", at: 2)),\#(event("a/2", at: 2))]"#))
    _ = reader.request()
    #expect(reader.revision == 1)
    let again = #""events":[\#(event("a/1", at: 2)),\#(event("a/2", at: 2)),\#(event("a/3", at: 2))]"#
    #expect(revisions(reader.take(message(again))) == [2, 2, 2])
  }

  @Test func progressMovesTheRevision() {
    var reader = WatchReader([.prefix("a/")], after: 4, order: .total)
    #expect(reader.take(message(revision: 90, "")) == nil)
    #expect(reader.revision == 90)
    #expect(reader.take(message(revision: 80, "")) == nil)
    #expect(reader.revision == 90)
  }

  @Test func creationDoesNotMoveTheRevision() {
    var reader = WatchReader([.prefix("a/"), .prefix("c/")], after: 4, order: .perRange)
    #expect(reader.take(message(id: 1, revision: 90, #""created":true"#)) == nil)
    #expect(reader.take(message(id: 2, revision: 80, #""created":true"#)) == .established(revision: 80))
    #expect(reader.revision == 4)
  }

  @Test func aTotalOrderIsOneWatcherWithoutWhatLiesBetween() {
    var reader = WatchReader([.prefix("a/"), .prefix("c/")], after: 0, order: .total)
    #expect(String(decoding: reader.request(), as: UTF8.self).components(separatedBy: "create_request").count == 2)
    let events = #""events":[\#(event("a/1", at: 2)),\#(event("b/1", at: 2)),\#(event("c/1", at: 2))]"#
    #expect(
      reader.take(message(events))
        == .batch(
          WatchBatch(
            revision: 2,
            events: ["a/1", "c/1"].map {
              .put(Entry(key: $0, value: "", createRevision: 0, modRevision: 2, version: 0), previous: nil)
            })))
    #expect(reader.take(message(#""events":[\#(event("b/1", at: 3, isDelete: true))]"#)) == nil)
    #expect(reader.revision == 3)
  }

  @Test func endingsAreTold() {
    func end(_ text: String) -> WatchReader.Finding? {
      var reader = WatchReader([.prefix("a/")], after: 4, order: .total)
      return reader.take(Array(text.utf8))
    }
    #expect(
      end(#"{"result":{\#(Self.header),"watch_id":"1","canceled":true,"compact_revision":"8"}}"#)
        == .refused(.final(.compacted(8))))
    #expect(
      end(
        #"{"result":{\#(Self.header),"watch_id":"-1","created":true,"canceled":true,"cancel_reason":"rpc error: code = PermissionDenied desc = etcdserver: permission denied"}}"#
      )
        == .refused(.final(.permissionDenied("watching a/…"))))
    #expect(
      end(#"{"result":{\#(Self.header),"watch_id":"1","canceled":true}}"#) == .refused(.doubtful("the watch was ended"))
    )
    #expect(
      end(
        #"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}"#
      )
        == .refused(.notServed("no leader")))
    #expect(end("{") == .refused(.doubtful("a message of the watch can't be read")))
  }

  @Test func anotherClusterIsTold() {
    var reader = WatchReader([.prefix("a/")], after: 4, order: .total)
    #expect(reader.take(message("")) == nil)
    let other = #"{"result":{"header":{"cluster_id":"1","revision":"9"},"watch_id":"1","created":true}}"#
    #expect(reader.take(Array(other.utf8)) == .refused(.final(.restored)))
  }
}
