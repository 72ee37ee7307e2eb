extension EtcdClient {
  /// What a range has, in the order of its keys; at an earlier `revision` where one is given.
  ///
  /// Throws `.compacted` when that revision is forgotten.
  public func range(
    _ range: KeyRange, limit: Int? = nil, keysOnly: Bool = false, revision: Int64? = nil
  ) async throws(EtcdError) -> RangeResult {
    try await read(Wire.RangeRequest(range, limit: limit, revision: revision, keysOnly: keysOnly), of: range)
  }

  /// How many keys a range has.
  public func count(_ range: KeyRange) async throws(EtcdError) -> Int {
    try await read(Wire.RangeRequest(range, countOnly: true), of: range).count
  }

  /// Everything that a range has, as of one revision, read in pages.
  public func all(
    _ range: KeyRange, keysOnly: Bool = false, pageSize: Int = 5000
  ) async throws(EtcdError) -> (entries: [Entry], revision: Int64) {
    var entries: [Entry] = []
    let revision = try await pages(range, keysOnly: keysOnly, size: pageSize) { entries += $0 }
    return (entries, revision)
  }

  /// The same page by page, for what needn't be in memory at once; returns the revision.
  ///
  /// Throws `.compacted` when that revision is forgotten before the last page is read. Each page has the time of a
  /// request, and five times that from when its answer begins.
  public nonisolated(nonsending) func pages(
    _ range: KeyRange, keysOnly: Bool = false, size: Int = 5000, _ take: ([Entry]) -> Void
  ) async throws(EtcdError) -> Int64 {
    var rest: KeyRange? = range
    var revision: Int64?
    while let part = rest {
      let page = try await read(
        Wire.RangeRequest(part, limit: size, revision: revision, keysOnly: keysOnly), of: range,
        transferTime: configuration.requestTimeout * 4)
      revision = revision ?? page.revision
      if !page.entries.isEmpty { take(page.entries) }
      rest = page.more ? page.entries.last.flatMap { part.rest(after: $0.key) } : nil
    }
    return revision ?? 0
  }

  private func read(
    _ request: Wire.RangeRequest, of range: KeyRange, transferTime: Duration = .zero
  ) async throws(EtcdError) -> RangeResult {
    let call = Call(
      path: "kv/range", body: Wire.encode(request), kind: .read, subject: "reading \(range)", transferTime: transferTime
    )
    return try await ask(call, for: Wire.RangeResponse.self).message.result
  }

  /// Does a transaction once.
  ///
  /// Throws `.uncertain` when it may have been done. With `isRepeatable` it is tried again instead, as long as there is
  /// time, and the result tells with `isRepeat` that it may have been done before: for transactions of which the store
  /// tells whether they were done, as when a key is made with a value of one's own.
  public func commit(
    _ transaction: Transaction, isRepeatable: Bool = false
  ) async throws(EtcdError) -> TransactionResult {
    let call = Call(
      path: "kv/txn", body: Wire.encode(Wire.TransactionRequest(transaction)),
      kind: transaction.changesNothing ? .read : isRepeatable ? .repeatable : .once, subject: transaction.subject)
    let (answer, isRepeat) = try await ask(call, for: Wire.TransactionResponse.self)
    return answer.result(isRepeat: isRepeat)
  }

  /// Sets a key; returns what it had. Throws as `commit` does.
  @discardableResult public func put(
    _ key: ByteString, _ value: ByteString, lease: Int64? = nil, isRepeatable: Bool = false
  ) async throws(EtcdError) -> Entry? {
    let call = Call(
      path: "kv/put", body: Wire.encode(Wire.PutRequest(key, value, lease: lease, returnsPrevious: true)),
      kind: isRepeatable ? .repeatable : .once, subject: "writing \(key)")
    return try await ask(call, for: Wire.PutResponse.self).message.prev_kv.map(Entry.init)
  }

  /// Deletes the keys of a range; returns how many there were. Throws as `commit` does.
  ///
  /// Done also when the database is full, where a transaction that deletes may be refused.
  @discardableResult public func delete(
    _ range: KeyRange, isRepeatable: Bool = false
  ) async throws(EtcdError) -> Int {
    let call = Call(
      path: "kv/deleterange", body: Wire.encode(Wire.DeleteRequest(range, returnsPrevious: false)),
      kind: isRepeatable ? .repeatable : .once, subject: "deleting \(range)")
    return Int(try await ask(call, for: Wire.DeleteResponse.self).message.deleted?.value ?? 0)
  }
}

extension Transaction {
  var changesNothing: Bool {
    (success + failure).allSatisfy { if case .range = $0 { true } else { false } }
  }

  /// In words what it reads and changes.
  var subject: String {
    var words: [String] = []
    func add(_ text: String) { if !words.contains(text) { words.append(text) } }
    for operation in success + failure {
      switch operation {
      case .put(let key, _, _, _): add("writing \(key)")
      case .delete(let range, _): add("deleting \(range)")
      case .range(let range, _, _): add("reading \(range)")
      }
    }
    for compare in compares { add("reading \(compare.range)") }
    let rest = words.count - 3
    return words.prefix(3).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }
}
