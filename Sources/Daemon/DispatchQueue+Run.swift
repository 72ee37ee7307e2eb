import Dispatch

extension DispatchQueue {
  /// Runs what blocks on this queue, and returns what came of it; the caller's own thread is free meanwhile.
  func run<T: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () throws(Failure) -> T
  ) async throws(Failure) -> T {
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<T, Failure>, Never>) in
      async { continuation.resume(returning: Result(catching: body)) }
    }
    return try result.get()
  }
}
