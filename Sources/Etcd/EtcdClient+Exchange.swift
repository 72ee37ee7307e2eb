import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Until when each step of a request to one member has to be done.
struct Limits: Sendable {
  var connecting: ContinuousClock.Instant
  var sent: ContinuousClock.Instant
  var answering: ContinuousClock.Instant

  subscript(step: Exchange.Step) -> ContinuousClock.Instant {
    switch step {
    case .connecting: connecting
    case .sent: sent
    case .answering: answering
    }
  }
}

/// A whole answer.
struct Response: Sendable {
  var status: Int
  var body: [UInt8]
}

extension EtcdClient {
  /// One request to one member.
  func exchange(
    _ call: Call, at endpoint: EtcdEndpoint, token: String?, _ limits: Limits
  ) async -> Outcome<Response> {
    let progress = Exchange()
    return await withTaskGroup(of: Outcome<Response>?.self) { group in
      group.addTask { await self.response(to: call, at: endpoint, token: token, progress) }
      group.addTask { await Self.timeout(progress, limits) }
      defer { group.cancelAll() }
      for await outcome in group { if let outcome { return outcome } }
      return .cancelled(mayBeDone: progress.step > .connecting)
    }
  }

  private func response(
    to call: Call, at endpoint: EtcdEndpoint, token: String?, _ progress: Exchange
  ) async -> Outcome<Response> {
    do {
      let response = try await connections.post(
        call.path, call.body, to: endpoint, token: token, needsLeader: call.needsMajority, progress: progress)
      var body: [UInt8] = []
      for try await part in response.body {
        guard body.count + part.readableBytes <= answerLimit else {
          return call.kind == .read
            ? .final(.tooLarge("an answer of more than \(answerLimit) bytes"))
            : .failed("its answer is too long", mayBeDone: true)
        }
        body.append(contentsOf: part.readableBytesView)
      }
      return .done(Response(status: Int(response.status.code), body: body))
    } catch {
      let mayBeDone = progress.step > .connecting
      if Task.isCancelled { return .cancelled(mayBeDone: mayBeDone) }
      return .failed(FailureWords.of(error), mayBeDone: mayBeDone && !FailureWords.isRefusedHandshake(error))
    }
  }

  /// Nil: cancelled.
  private static func timeout(_ progress: Exchange, _ limits: Limits) async -> Outcome<Response>? {
    while true {
      let step = progress.step
      do { try await Task.sleep(until: limits[step]) } catch { return nil }
      guard progress.step == step else { continue }
      switch step {
      case .connecting: return .failed("no connection in time", mayBeDone: false)
      case .sent: return .failed("no answer in time", mayBeDone: true)
      case .answering: return .failed("no whole answer in time", mayBeDone: true)
      }
    }
  }
}
