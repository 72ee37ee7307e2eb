import ControlAPI
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import PoolFlows

/// A handler's result as HTTP: JSON, or a `Failure` with the status that fits.
enum Answer {
  static func json(_ value: some Encodable, _ status: HTTPResponse.Status = .ok) throws -> Response {
    bytes(try encoded(value), type: "application/json", status)
  }

  /// JSON in one line.
  static func encoded(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  }

  static func text(_ text: String, type: String = "text/plain; charset=utf-8", _ status: HTTPResponse.Status = .ok)
    -> Response
  { bytes(Data(text.utf8), type: type, status) }

  /// JSON that is written already.
  static func json(text: [UInt8]) -> Response { bytes(text, type: "application/json", .ok) }

  static func bytes(_ data: some Collection<UInt8> & Sendable, type: String, _ status: HTTPResponse.Status)
    -> Response
  {
    Response(
      status: status, headers: [.contentType: type, .contentLength: "\(data.count)"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
  }

  /// Runs a handler, and gives what it throws as a `Failure`.
  static func from(_ handler: () async throws -> Response) async throws -> Response {
    do {
      return try await handler()
    } catch let error as FlowError {
      return try json(Failure(error: error.message), error.status)
    } catch let error as HTTPError {
      return try json(Failure(error: error.body ?? "bad request"), error.status)
    } catch let error as DecodingError {
      return try json(Failure(error: "the request's body: \(error.words(as: "what this route takes"))"), .badRequest)
    } catch {
      return try json(Failure(error: "\(error)"), .internalServerError)
    }
  }
}

extension FlowError {
  var status: HTTPResponse.Status {
    switch code {
    case .invalid: .badRequest
    case .notFound: .notFound
    case .refused: .conflict
    case .failed: .internalServerError
    case .unavailable: .serviceUnavailable
    }
  }
}

extension Request {
  /// A query parameter, decoded; nil when it is missing. An empty one is refused: taken as missing, it would mean all.
  func query(_ name: String) throws(FlowError) -> String? {
    let value = uri.queryParameters.get(name)
    if value?.isEmpty == true { throw FlowError(.invalid, "the query parameter \(name) is empty") }
    return value
  }

  /// A query parameter that the route can't do without.
  func needed(_ name: String) throws(FlowError) -> String {
    guard let value = try query(name) else { throw FlowError(.invalid, "the query parameter \(name) is missing") }
    return value
  }

  /// All values of a query parameter that the route can't do without.
  func several(_ name: String) throws(FlowError) -> [String] {
    let values = uri.queryParameters.getAll(name)
    if values.isEmpty { throw FlowError(.invalid, "the query parameter \(name) is missing") }
    if values.contains("") { throw FlowError(.invalid, "the query parameter \(name) is empty") }
    return values
  }

  /// A query parameter as a value, which is `shape` as text; nil when it is missing.
  func value<Value: LosslessStringConvertible>(_ name: String, _ shape: String) throws(FlowError) -> Value? {
    guard let text = try query(name) else { return nil }
    guard let value = Value(text) else { throw FlowError(.invalid, "\(name) “\(text)” is not \(shape)") }
    return value
  }

  /// The same of one that the route can't do without.
  func needed<Value: LosslessStringConvertible>(_ name: String, _ shape: String) throws(FlowError) -> Value {
    guard let value: Value = try value(name, shape) else {
      throw FlowError(.invalid, "the query parameter \(name) is missing")
    }
    return value
  }

  /// The newest so many: at least 1, at most 100,000; nil when it is missing.
  func limit() throws(FlowError) -> Int? {
    let limit: Int? = try value("limit", "a number")
    return limit.map { max(1, min($0, 100_000)) }
  }

  /// `plan=true`, or `plan` alone; false when it is missing. Other words are refused: somebody may have meant true.
  func flag(_ name: String) throws(FlowError) -> Bool {
    switch uri.queryParameters.get(name) {
    case nil, "false": return false
    case "", "true": return true
    case let value?: throw FlowError(.invalid, "\(name) “\(value)” is neither true nor false")
    }
  }

  /// The whole body; more than `limit` bytes are refused.
  func bytes(upTo limit: Int) async throws -> ByteBuffer {
    do { return try await body.collect(upTo: limit) } catch is NIOTooManyBytesError {
      throw HTTPError(.contentTooLarge, message: "the request's body is larger than \(limit) bytes")
    } catch {
      throw FlowError(.invalid, "the request's body was cut off")
    }
  }
}
