extension EtcdClient {
  /// A lease that ends when it isn't kept alive for `seconds`; with the seconds that etcd has made of it.
  public func grantLease(seconds: Int) async throws(EtcdError) -> (id: Int64, seconds: Int) {
    // Named here, so that a second attempt doesn't make a second lease.
    let id = Int64.random(in: 1...Int64.max)
    let call = Call(
      path: "lease/grant", body: Wire.encode(Wire.LeaseGrant(TTL: .init(Int64(seconds)), ID: .init(id))),
      kind: .idempotent, subject: "a lease")
    do throws(EtcdError) {
      let granted = try await ask(call, for: Wire.LeaseResponse.self).message
      return (id, granted.TTL.map { Int($0.value) } ?? seconds)
    } catch .refused(_, "lease already exists") {
      return (id, try await keepAlive(id) ?? seconds)
    }
  }

  /// Begins a lease's time anew; returns its seconds, nil: it has ended.
  public func keepAlive(_ lease: Int64) async throws(EtcdError) -> Int? {
    let call = Call(
      path: "lease/keepalive", body: Wire.encode(Wire.LeaseRequest(ID: .init(lease))), kind: .read,
      subject: "a lease")
    do throws(EtcdError) {
      let answer = try await ask(call, for: Wire.Streamed<Wire.LeaseResponse>.self).message
      guard let seconds = answer.result?.TTL?.value, seconds > 0 else { return nil }
      return Int(seconds)
    } catch .leaseGone {
      return nil
    }
  }

  /// Ends a lease and deletes its keys; false: it had ended already.
  @discardableResult public func revoke(_ lease: Int64) async throws(EtcdError) -> Bool {
    let call = Call(
      path: "lease/revoke", body: Wire.encode(Wire.LeaseRequest(ID: .init(lease))), kind: .idempotent,
      subject: "a lease")
    do throws(EtcdError) {
      _ = try await ask(call, for: Wire.Done.self)
      return true
    } catch .leaseGone {
      return false
    }
  }
}
