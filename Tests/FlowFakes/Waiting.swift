/// Waits for what happens in the background; false after half a minute.
public func comesTrue(_ condition: () async -> Bool) async throws -> Bool {
  for _ in 0..<3000 {
    if await condition() { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}
