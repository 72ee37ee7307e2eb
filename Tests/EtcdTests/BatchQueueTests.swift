import Testing

@testable import Etcd

struct BatchQueueTests {
  private func batch(_ revision: Int64) -> WatchBatch { WatchBatch(revision: revision, events: []) }

  @Test func batchesComeInOrderThenTheErrorOnce() async throws {
    let queue = BatchQueue()
    for revision in 1...3 { await queue.add(batch(Int64(revision))) }
    queue.finish(.restored)
    queue.finish(.noSpace)
    for revision in 1...3 { #expect(await queue.next() == .success(batch(Int64(revision)))) }
    #expect(await queue.next() == .failure(.restored))
    #expect(await queue.next() == .success(nil))
  }

  @Test func aReaderThatWaitsGetsWhatComes() async {
    let queue = BatchQueue()
    async let first = queue.next()
    await queue.add(batch(1))
    #expect(await first == .success(batch(1)))
    async let end = queue.next()
    queue.finish(.noSpace)
    #expect(await end == .failure(.noSpace))
  }

  @Test func aFullQueueHoldsTheWriterUp() async {
    let queue = BatchQueue(limit: 2)
    await queue.add(batch(1))
    let writer = Task {
      await queue.add(batch(2))
      await queue.add(batch(3))
      return ContinuousClock.now
    }
    try? await Task.sleep(for: .milliseconds(50))
    let read = ContinuousClock.now
    for revision in 1...3 { #expect(await queue.next() == .success(batch(Int64(revision)))) }
    #expect(await writer.value >= read)
  }

  @Test func cancellationDropsWhatIsThere() async {
    let queue = BatchQueue(limit: 1)
    let writer = Task { await queue.add(batch(1)) }
    try? await Task.sleep(for: .milliseconds(20))
    queue.cancel()
    await writer.value
    await queue.add(batch(2))
    #expect(await queue.next() == .success(nil))
  }
}
