import Synchronization

/// Batches between the task that receives them and the one that reads them, a few at most.
final class BatchQueue: Sendable {
  private struct State {
    var batches: [WatchBatch] = []
    /// How it ends once the batches are read; the inner nil: without an error.
    var end: EtcdError??
    var reader: CheckedContinuation<Result<WatchBatch?, EtcdError>, Never>?
    var writer: CheckedContinuation<Void, Never>?
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int = 8) { self.limit = limit }

  /// Waits while the queue is full. After the end nothing is taken.
  func add(_ batch: WatchBatch) async {
    await withCheckedContinuation { (writer: CheckedContinuation<Void, Never>) in
      let (reader, isDone) = state.withLock { state in
        guard state.end == nil else {
          return (nil as CheckedContinuation<Result<WatchBatch?, EtcdError>, Never>?, true)
        }
        if let reader = state.reader {
          state.reader = nil
          return (reader, true)
        }
        state.batches.append(batch)
        let isDone = state.batches.count < limit
        if !isDone { state.writer = writer }
        return (nil, isDone)
      }
      reader?.resume(returning: .success(batch))
      if isDone { writer.resume() }
    }
  }

  /// What is in the queue is read before; the first end counts.
  func finish(_ error: EtcdError?) {
    let (reader, writer) = state.withLock { state in
      if state.end == nil { state.end = .some(error) }
      defer { (state.reader, state.writer) = (nil, nil) }
      return (state.reader, state.writer)
    }
    reader?.resume(returning: Self.result(error))
    writer?.resume()
  }

  /// What is in the queue is dropped.
  func cancel() {
    state.withLock { $0.batches = [] }
    finish(nil)
  }

  /// Waits for a batch; nil: it has ended.
  func next() async -> Result<WatchBatch?, EtcdError> {
    await withCheckedContinuation { (reader: CheckedContinuation<Result<WatchBatch?, EtcdError>, Never>) in
      let (result, writer): (Result<WatchBatch?, EtcdError>?, CheckedContinuation<Void, Never>?) =
        state.withLock { state in
          if !state.batches.isEmpty {
            defer { state.writer = nil }
            return (.success(state.batches.removeFirst()), state.writer)
          }
          if let end = state.end {
            // An error is thrown once.
            state.end = .some(nil)
            return (Self.result(end), nil)
          }
          state.reader = reader
          return (nil, nil)
        }
      writer?.resume()
      if let result { reader.resume(returning: result) }
    }
  }

  private static func result(_ error: EtcdError?) -> Result<WatchBatch?, EtcdError> {
    error.map { .failure($0) } ?? .success(nil)
  }
}
