import ControlAPI
import Foundation
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Lets only those in who may use a socket; the others are answered and cut off before they have asked, so that they can't
/// take the places of those who may.
final class PeerGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias OutboundOut = HTTPResponsePart

  private let path: String
  private let groups: [(name: String, gid: gid_t)]
  private let refusals: RefusalLog

  init(path: String, groups: [(name: String, gid: gid_t)], refusals: RefusalLog) {
    self.path = path
    self.groups = groups
    self.refusals = refusals
  }

  func channelActive(context: ChannelHandlerContext) {
    let peer = Peer(context.channel)
    if peer?.isIn(groups.map(\.gid)) == true { return context.fireChannelActive() }
    let names = groups.map(\.name)
    let who = peer.map { "uid \($0.uid) (pid \($0.pid))" } ?? "a process that the kernel doesn't name"
    let why =
      names.isEmpty ? "only root may use it" : "it is neither root nor in the group \(names.joined(separator: " or "))"
    refusals.note("\(path) \(peer.map { "\($0.uid)" } ?? "?")", "refused \(who) on \(path): \(why)")
    refuse(
      context,
      "no permission to use \(path): run this as root or as a member of the group "
        + (names.isEmpty ? "root" : names.joined(separator: " or ")))
  }

  private func refuse(_ context: ChannelHandlerContext, _ text: String) {
    let body = (try? Answer.encoded(Failure(error: text))) ?? Data()
    let head = HTTPResponse(
      status: .forbidden,
      headerFields: [.contentType: "application/json", .contentLength: "\(body.count)", .connection: "close"])
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    context.close(promise: nil)
  }

  /// What a refused client still sends.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if context.channel.isActive { context.fireChannelRead(data) }
  }
}
