import Etcd
import EtcdCluster
import Testing

extension ServerTests {
  @Suite(.oneMember) struct TransactionTests {
    @Test func aKeyIsMadeOnce() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let key = ByteString(freshPrefix())
        let first = try await etcd.commit(.create(key, "one"))
        #expect(first.succeeded && first.responses == [.put(previous: nil)] && !first.isRepeat)
        let second = try await etcd.commit(.create(key, "two"))
        #expect(!second.succeeded)
        #expect(second.entries.map(\.value) == ["one"])
        #expect(second.entries.first?.createRevision == first.revision)
        let read = try await etcd.range(.key(key))
        #expect(read.entries == second.entries && read.count == 1 && !read.more && read.revision >= first.revision)
      }
    }

    @Test func aRangeIsComparedAsAWhole() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        let all = KeyRange.prefix(ByteString(prefix))
        func holds(_ compares: Transaction.Compare...) async throws -> Bool {
          try await etcd.commit(Transaction(if: compares, then: [])).succeeded
        }
        #expect(try await holds(.isAbsent(all)))
        #expect(try await !holds(.isPresent(all)))
        #expect(try await holds(.init(all, .equal, .version(0))))
        #expect(try await holds(.init(all, .equal, .lease(0))))
        #expect(try await !holds(.init(all, .equal, .value("x"))), "a value is compared with nothing")
        #expect(try await !holds(.init(all, .notEqual, .value("x"))), "a value is compared with nothing")
        let one = try await etcd.commit(.create("\(prefix)one", "x")).revision
        let two = try await etcd.commit(.create("\(prefix)two", "x")).revision
        #expect(try await !holds(.isAbsent(all)))
        #expect(try await holds(.isPresent(all)))
        #expect(try await holds(.init(all, .equal, .value("x"))))
        #expect(try await holds(.init(all, .less, .createRevision(two + 1))))
        #expect(try await !holds(.init(all, .less, .createRevision(two))), "one of them isn't")
        #expect(try await holds(.isUnchanged("\(prefix)one", since: one), .isUnchanged("\(prefix)two", since: two)))
        try await etcd.put("\(prefix)two", "y")
        #expect(try await !holds(.init(all, .equal, .value("x"))), "one of them isn't")
        #expect(try await holds(.init(all, .notEqual, .value("z"))))
        #expect(try await !holds(.isUnchanged("\(prefix)one", since: one), .isUnchanged("\(prefix)two", since: two)))
        #expect(try await holds(.init(.key("\(prefix)two"), .greater, .version(1))))
        #expect(try await !holds(.isAbsent(.prefix("\(prefix)t"))))
        #expect(try await holds(.isAbsent(.prefix("\(prefix)x"))))
      }
    }

    @Test func aBranchIsDoneWholeAtOneRevision() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        let all = KeyRange.prefix(ByteString(prefix))
        try await etcd.put("\(prefix)a", "1")
        try await etcd.put("\(prefix)b", "1")
        let result = try await etcd.commit(
          Transaction(
            if: [.isPresent(.key("\(prefix)a"))],
            then: [
              .range(all, keysOnly: true), .put("\(prefix)a", "2", returnsPrevious: true),
              .delete(.key("\(prefix)b"), returnsPrevious: true), .delete(.key("\(prefix)none")),
              .put("\(prefix)c", "2"), .range(all, limit: 1),
            ], else: [.delete(all)]))
        #expect(result.succeeded && result.responses.count == 6)
        guard case .range(let before) = result.responses[0], case .put(let a) = result.responses[1],
          case .delete(let count, let b) = result.responses[2], case .range(let after) = result.responses[5]
        else {
          Issue.record("\(result.responses)")
          return
        }
        #expect(before.entries.map(\.key) == ["\(prefix)a", "\(prefix)b"])
        #expect(before.entries.map(\.value) == ["", ""])
        #expect(a?.value == "1" && a?.version == 1)
        #expect(count == 1 && b.map(\.value) == ["1"])
        #expect(result.responses[3] == .delete(count: 0, previous: []))
        #expect(result.responses[4] == .put(previous: nil))
        #expect(after.entries.map(\.value) == ["2"] && after.more && after.count == 2)
        let left = try await etcd.range(all).entries
        #expect(left.map(\.key) == ["\(prefix)a", "\(prefix)c"])
        #expect(left.map(\.modRevision) == [result.revision, result.revision])
        #expect(left.map(\.version) == [2, 1])
        let other = try await etcd.commit(
          Transaction(if: [.isAbsent(all)], then: [.put("\(prefix)d", "")], else: [.delete(all)]))
        #expect(!other.succeeded && other.responses == [.delete(count: 2, previous: [])])
      }
    }

    @Test func anyBytesAreKeysAndValuesInTheirOrder() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = Array(freshPrefix().utf8)
        let tails: [[UInt8]] = [
          [0], [0, 0], [0x0a], Array("52:54:00:aa".utf8), Array("\"\\".utf8), Array("É".utf8), Array("é".utf8), [0xc3],
          [0xff], [0xff, 0xff],
        ]
        for tail in tails.shuffled() { try await etcd.put(ByteString(prefix + tail), ByteString(tail)) }
        let entries = try await etcd.range(.prefix(ByteString(prefix))).entries
        let sorted = tails.map { ByteString(prefix + $0) }.sorted()
        #expect(entries.map(\.key) == sorted)
        #expect(entries.allSatisfy { $0.key.bytes == prefix + $0.value.bytes })
        #expect(entries.first { $0.value == "é" }?.key.text?.hasSuffix("/é") == true)
        try await etcd.put(ByteString(prefix + [1]), "")
        #expect(try await etcd.range(.key(ByteString(prefix + [1]))).entries.first?.value == "")
      }
    }

    @Test func putAndDeleteTellWhatWasThere() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        #expect(try await etcd.put("\(prefix)a", "1") == nil)
        #expect(try await etcd.put("\(prefix)a", "2")?.value == "1")
        try await etcd.put("\(prefix)b", "1")
        #expect(try await etcd.count(.prefix(ByteString(prefix))) == 2)
        #expect(try await etcd.delete(.prefix(ByteString(prefix))) == 2)
        #expect(try await etcd.delete(.prefix(ByteString(prefix))) == 0)
        #expect(try await etcd.range(.prefix(ByteString(prefix))).entries.isEmpty)
      }
    }

    @Test func whatIsTooLargeIsTold() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let prefix = freshPrefix()
        let operations = (0..<129).map { Transaction.Operation.put("\(prefix)\($0)", "") }
        let many = await #expect(throws: EtcdError.self) { try await etcd.commit(Transaction(then: operations)) }
        guard case .tooLarge = many else {
          Issue.record("\(String(describing: many))")
          return
        }
        let most = try await etcd.commit(Transaction(then: Array(operations.dropLast())))
        #expect(most.responses.count == 128)
        let value = ByteString([UInt8](repeating: 65, count: 2 << 20))
        let large = await #expect(throws: EtcdError.self) { try await etcd.put("\(prefix)large", value) }
        guard case .tooLarge(let what) = large else {
          Issue.record("\(String(describing: large))")
          return
        }
        #expect(what.contains("writing \(prefix)large"))
      }
    }

    @Test func whatMakesNoSenseIsRefused() async throws {
      try await EtcdCluster.shared.withClient { etcd in
        let key = ByteString(freshPrefix())
        await #expect(throws: EtcdError.refused(code: 3, message: "duplicate key given in txn request")) {
          try await etcd.commit(Transaction(then: [.put(key, "1"), .put(key, "2")]))
        }
        let left = try await etcd.range(.key(key))
        #expect(left.entries.isEmpty)
      }
    }
  }
}
