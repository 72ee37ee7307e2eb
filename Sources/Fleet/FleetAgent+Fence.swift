/// What this host writes, so that nothing of it is done late.
extension FleetAgent {
  /// Does a transaction of this stay in the fleet; fails with `.leaseEnded` once the stay is over. `lease`: of the stay that
  /// it is meant for; nil = of the present one.
  ///
  /// A request that got no answer may still be done when a server wakes up. So each depends on this host's fence: a new
  /// stay puts it anew, and what an earlier one has asked for can't be done any more.
  func commit(
    _ transaction: FleetTransaction, lease stay: Int64? = nil
  ) async throws(FleetStoreError) -> FleetAnswer {
    guard let lease = stay ?? lease else { throw .unreachable("this host isn't in the fleet just now") }
    let key = keys.fence(host.name)
    while true {
      while isMovingFence {
        do { try await Task.sleep(for: .milliseconds(5)) } catch { throw .unreachable("given up") }
      }
      guard self.lease == lease else { throw .leaseEnded }
      let fence = fence
      var fenced = transaction
      fenced.conditions.append(.unchanged(key, since: fence))
      fenced.otherwise.append(.read(key))
      var answer = try await store.commit(fenced)
      if answer.isDone { return answer }
      guard let found = answer.read.popLast(), found.key == key else { throw .leaseEnded }
      if found.modified == fence { return answer }
      if !isMovingFence, self.fence == fence { throw .leaseEnded }
    }
  }

  /// In order, in as many transactions as it takes.
  func commit(_ steps: [FleetTransaction.Step]) async throws(FleetStoreError) {
    for part in steps.split(by: Self.stepLimit) { _ = try await commit(.init(then: Array(part))) }
  }

  /// What has been asked for and not answered isn't done from now on; what is asked for meanwhile waits.
  func moveFence() async throws(FleetStoreError) {
    guard let lease else { throw .leaseEnded }
    isMovingFence = true
    defer { isMovingFence = false }
    let key = keys.fence(host.name)
    let answer = try await store.commit(.init(if: [.unchanged(key, since: fence)], then: [.put(key, "", lease: lease)]))
    guard answer.isDone else { throw .leaseEnded }
    fence = answer.revision
  }
}
