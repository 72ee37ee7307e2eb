import FoundationEssentials

extension Wire {
  struct RangeRequest: Encodable {
    var key: Data
    var range_end: Data?
    var limit: Signed?
    var revision: Signed?
    var keys_only: Bool?
    var count_only: Bool?

    init(_ range: KeyRange, limit: Int? = nil, revision: Int64? = nil, keysOnly: Bool = false, countOnly: Bool = false)
    {
      key = range.start.data
      range_end = range.end?.data
      self.limit = limit.map { Signed(Int64($0)) }
      self.revision = revision.map { Signed($0) }
      keys_only = keysOnly ? true : nil
      count_only = countOnly ? true : nil
    }
  }

  struct RangeResponse: Answer {
    var header: Header?
    var kvs: [KeyValue]?
    var more: Bool?
    var count: Signed?

    var isWhole: Bool { header?.revision != nil }

    var result: RangeResult {
      RangeResult(
        entries: kvs?.map(Entry.init) ?? [], revision: header?.revision?.value ?? 0, more: more ?? false,
        count: Int(count?.value ?? 0))
    }
  }

  struct PutRequest: Encodable {
    var key: Data
    var value: Data
    var lease: Signed?
    var prev_kv: Bool?

    init(_ key: ByteString, _ value: ByteString, lease: Int64?, returnsPrevious: Bool) {
      self.key = key.data
      self.value = value.data
      self.lease = lease.map { Signed($0) }
      prev_kv = returnsPrevious ? true : nil
    }
  }

  struct PutResponse: Answer {
    var header: Header?
    var prev_kv: KeyValue?

    var isWhole: Bool { header?.revision != nil }
  }

  struct DeleteRequest: Encodable {
    var key: Data
    var range_end: Data?
    var prev_kv: Bool?

    init(_ range: KeyRange, returnsPrevious: Bool) {
      key = range.start.data
      range_end = range.end?.data
      prev_kv = returnsPrevious ? true : nil
    }
  }

  struct DeleteResponse: Answer {
    var header: Header?
    var deleted: Signed?
    var prev_kvs: [KeyValue]?

    var isWhole: Bool { header?.revision != nil }
  }

  struct Compare: Encodable {
    var key: Data
    var range_end: Data?
    var result: String
    var target: String
    var value: Data?
    var version: Signed?
    var create_revision: Signed?
    var mod_revision: Signed?
    var lease: Signed?

    init(_ compare: Transaction.Compare) {
      key = compare.range.start.data
      range_end = compare.range.end?.data
      result = compare.relation.rawValue
      switch compare.target {
      case .value(let bytes): (target, value) = ("VALUE", bytes.data)
      case .version(let number): (target, version) = ("VERSION", Signed(number))
      case .createRevision(let number): (target, create_revision) = ("CREATE", Signed(number))
      case .modRevision(let number): (target, mod_revision) = ("MOD", Signed(number))
      case .lease(let number): (target, lease) = ("LEASE", Signed(number))
      }
    }
  }

  struct Operation: Encodable {
    var request_put: PutRequest?
    var request_delete_range: DeleteRequest?
    var request_range: RangeRequest?

    init(_ operation: Transaction.Operation) {
      switch operation {
      case .put(let key, let value, let lease, let returnsPrevious):
        request_put = PutRequest(key, value, lease: lease, returnsPrevious: returnsPrevious)
      case .delete(let range, let returnsPrevious):
        request_delete_range = DeleteRequest(range, returnsPrevious: returnsPrevious)
      case .range(let range, let limit, let keysOnly):
        request_range = RangeRequest(range, limit: limit, keysOnly: keysOnly)
      }
    }
  }

  struct TransactionRequest: Encodable {
    var compare: [Compare]
    var success: [Operation]
    var failure: [Operation]

    init(_ transaction: Transaction) {
      compare = transaction.compares.map(Compare.init)
      success = transaction.success.map(Operation.init)
      failure = transaction.failure.map(Operation.init)
    }
  }

  struct TransactionResponse: Answer {
    struct Response: Decodable, Sendable {
      var response_put: PutResponse?
      var response_delete_range: DeleteResponse?
      var response_range: RangeResponse?

      /// Nil: it is none of these.
      var result: TransactionResult.Response? {
        if let put = response_put { return .put(previous: put.prev_kv.map(Entry.init)) }
        if let delete = response_delete_range {
          return .delete(count: Int(delete.deleted?.value ?? 0), previous: delete.prev_kvs?.map(Entry.init) ?? [])
        }
        return response_range.map { .range($0.result) }
      }
    }

    var header: Header?
    var succeeded: Bool?
    var responses: [Response]?

    var isWhole: Bool { header?.revision != nil && (responses ?? []).allSatisfy { $0.result != nil } }

    func result(isRepeat: Bool) -> TransactionResult {
      TransactionResult(
        succeeded: succeeded ?? false, revision: header?.revision?.value ?? 0,
        responses: (responses ?? []).compactMap(\.result), isRepeat: isRepeat)
    }
  }
}
