import Clibnl
import Glibc
import PoolModel

/// A connection to the kernel's rtnetlink. Calls block for as long as the kernel and its drivers take.
///
/// Not thread-safe: one caller at a time. The socket is closed with the last reference.
public final class RouteSocket {
  private let socket: NetlinkSocket
  /// EAGAIN and EBUSY (i40e while a VF resets) are tried again after these pauses, in milliseconds.
  private static let busyPauses: [UInt32] = [20, 60, 150]
  /// How many writes are sent before their answers are read: so many fit into the socket's buffers.
  private static let pipelined = 64
  /// VFs, and without their statistics: those fill the list's 16-bit length sooner.
  private static let withVFs = UInt32(RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS)

  public convenience init() throws(NetlinkError) {
    try self.init { () throws(NetlinkError) in try KernelSocket(NETLINK_ROUTE) }
  }

  /// As `NetlinkSocket.init`.
  init(_ open: @escaping () throws(NetlinkError) -> any NetlinkTransport) throws(NetlinkError) {
    socket = try NetlinkSocket(open)
  }

  /// Every link of this network namespace with its VFs, as `ip -d link show`.
  ///
  /// With `counters` the drivers are asked for them too, which takes some of them longer.
  /// Where one PF's VFs don't fit into a message (EMSGSIZE), that link comes without their counters, or without any VF:
  /// `numVF` is nil.
  public func links(counters: Bool = false) throws(NetlinkError) -> [LinkInfo] {
    do throws(NetlinkError) {
      return try dumpLinks(counters ? UInt32(RTEXT_FILTER_VF) : Self.withVFs)
    } catch {
      guard error.code == .messageTooLong else { throw error }
      var links: [LinkInfo] = []
      for bare in try dumpLinks(UInt32(RTEXT_FILTER_SKIP_STATS)) {
        if let link = try withVFs(bare, counters) { links.append(link) }
      }
      return links
    }
  }

  /// `bare` with its VFs where they can be read; nil when the link has gone meanwhile.
  private func withVFs(_ bare: LinkInfo, _ counters: Bool) throws(NetlinkError) -> LinkInfo? {
    guard bare.parentDevName != nil else { return bare }
    do throws(NetlinkError) {
      let filter = counters ? UInt32(RTEXT_FILTER_VF) : Self.withVFs
      return try getLink(bare.ifindex, name: nil, subject: bare.name, filter)
    } catch {
      switch error.code {
      case .messageTooLong: return counters ? try withVFs(bare, false) : bare
      case .noSuchLink: return nil
      default: throw error
      }
    }
  }

  /// One link with its VFs. Fails with `.noSuchLink`, and `.messageTooLong` where its VFs don't fit.
  public func link(index: Int32) throws(NetlinkError) -> LinkInfo {
    try getLink(index, name: nil, subject: Self.name(index))
  }

  /// One link with its VFs, as `ip -d link show dev NAME`. Fails as `link(index:)` does.
  public func link(name: String) throws(NetlinkError) -> LinkInfo {
    guard (1..<Int(IF_NAMESIZE)).contains(name.utf8.count) else {
      throw NetlinkError(errno: ENODEV, operation: "read", subject: name.isEmpty ? "a link without a name" : name)
    }
    return try getLink(0, name: name, subject: name)
  }

  /// What the driver of link `ifindex` reports about its VF `index`.
  ///
  /// Fails with `.noSuchVF` past the last VF, `.truncated` where the VF exists but isn't in the answer.
  public func vf(_ index: Int, ofLink ifindex: Int32) throws(NetlinkError) -> VFState {
    try state(index, of: link(index: ifindex))
  }

  private func state(_ index: Int, of link: LinkInfo) throws(NetlinkError) -> VFState {
    if let state = link.vfs[index] { return state }
    let total = link.numVF ?? 0
    guard (0..<total).contains(index) else {
      throw NetlinkError(
        code: .noSuchVF, operation: "read", subject: "\(link.name)/\(index)",
        kernelText: "\(link.name) has \(total) VFs")
    }
    throw NetlinkError(
      code: .truncated, operation: "read", subject: "\(link.name)/\(index)",
      kernelText: "the kernel's answer holds \(link.vfs.count) of \(total) VFs")
  }

  /// Writes all set fields of `settings` to a VF, as `ip link set dev PF vf N …`; nothing when none is set.
  ///
  /// Identical values are written too. On an error some fields may have taken effect: read back.
  public func set(_ settings: VFSettings, vf: Int, ofLink ifindex: Int32) throws(NetlinkError) {
    if let error = set([VFWrite(ifindex: ifindex, vf: vf, settings: settings)])[0] { throw error }
  }

  /// Writes to many VFs in few system calls, one message a VF; in the order of `writes` each one's error, nil = done.
  ///
  /// As `set(_:vf:ofLink:)` for each. A driver that is busy is tried again three times.
  public func set(_ writes: [VFWrite]) -> [NetlinkError?] {
    var errors = setOnce(writes)
    for pause in Self.busyPauses {
      let busy = errors.indices.filter { errors[$0]?.code == .busy }
      if busy.isEmpty { break }
      usleep(pause * 1000)
      // What did take effect isn't written twice: i40e resets a VF at each write.
      var links: [Int32: LinkInfo] = [:]
      for ifindex in Set(busy.map { writes[$0].ifindex }) { links[ifindex] = try? link(index: ifindex) }
      let rest = busy.map { place in
        var write = writes[place]
        if let now = links[write.ifindex]?.vfs[write.vf] { write.settings = write.settings.missing(from: now) }
        return write
      }
      for (place, error) in zip(busy, setOnce(rest)) { errors[place] = error }
    }
    return errors
  }

  /// Sets a link up, as `ip link set dev NAME up`.
  public func setUp(_ ifindex: Int32) throws(NetlinkError) {
    let (operation, subject) = ("set up", Self.name(ifindex))
    let request = try socket.require(RequestMessage(type: Int32(RTM_NEWLINK)), operation, subject)
    let up = UInt32(IFF_UP)
    request.append(link: ifindex, flags: up, change: up)
    _ = try socket.exchange(request, operation, subject) { _, _ in }
  }

  /// The IP addresses of every link, by interface index, as `ip address show`; link-local IPv6 ones are left out.
  public func addresses() throws(NetlinkError) -> [Int32: [String]] {
    let addresses = try socket.dump("list", "addresses") {
      let request = RequestMessage(type: Int32(RTM_GETADDR), flags: Int32(NLM_F_DUMP))
      // struct ifaddrmsg, any family
      request?.append([UInt8](repeating: 0, count: 8))
      return request
    } read: { (message, datagram) throws(NetlinkError) in
      AddressMessage.parse(message, in: datagram)
    }
    return addresses.reduce(into: [:]) { $0[$1.ifindex, default: []].append($1.address) }
  }

  /// The default routes of all tables, as `ip route show table all default`, of IPv4 and IPv6.
  public func defaultRoutes() throws(NetlinkError) -> [DefaultRoute] {
    try socket.dump("list", "routes") {
      let request = RequestMessage(type: Int32(RTM_GETROUTE), flags: Int32(NLM_F_DUMP))
      // struct rtmsg, any family
      request?.append([UInt8](repeating: 0, count: 12))
      return request
    } read: { (message, datagram) throws(NetlinkError) in
      // A router has a million other routes: they are let go as they come.
      RouteMessage.parse(message, in: datagram)
    }
  }

  private func setOnce(_ writes: [VFWrite]) -> [NetlinkError?] {
    var errors = [NetlinkError?](repeating: nil, count: writes.count)
    var requests: [(place: Int, request: RequestMessage)] = []
    var links: [Int32: LinkInfo] = [:]
    for (place, write) in writes.enumerated() where !write.settings.isEmpty {
      var settings = write.settings
      do throws(NetlinkError) {
        if (settings.minTxRate == nil) != (settings.maxTxRate == nil) {
          if links[write.ifindex] == nil { links[write.ifindex] = try link(index: write.ifindex) }
          let now = try links[write.ifindex].map { (link) throws(NetlinkError) in try state(write.vf, of: link) }
          settings.minTxRate = settings.minTxRate ?? now?.minTxRate ?? 0
          settings.maxTxRate = settings.maxTxRate ?? now?.maxTxRate ?? 0
        }
        let request = VFMessage.build(settings, vf: write.vf, ifindex: write.ifindex)
        requests.append((place, try socket.require(request, write.operation, write.subject)))
      } catch {
        errors[place] = error
      }
    }
    for start in stride(from: 0, to: requests.count, by: Self.pipelined) {
      let part = requests[start..<min(start + Self.pipelined, requests.count)]
      do throws(NetlinkError) {
        let ends = try socket.pipeline(part.map(\.request))
        for (entry, end) in zip(part, ends) where end.errno != 0 {
          let write = writes[entry.place]
          errors[entry.place] = NetlinkError(
            errno: end.errno, operation: write.operation, subject: write.subject, kernelText: end.text)
        }
      } catch {
        // Which of them took effect only a read tells.
        for entry in part { errors[entry.place] = error }
      }
    }
    return errors
  }

  private func dumpLinks(_ filter: UInt32) throws(NetlinkError) -> [LinkInfo] {
    try socket.dump("list", "links") {
      let request = RequestMessage(type: Int32(RTM_GETLINK), flags: Int32(NLM_F_DUMP))
      request?.append(link: 0)
      request?.put(Int32(IFLA_EXT_MASK), [filter])
      return request
    } read: { (message, datagram) throws(NetlinkError) in
      message.type == Int(RTM_NEWLINK) ? try LinkMessage.parse(message, in: datagram) : nil
    }
  }

  private func getLink(
    _ ifindex: Int32, name: String?, subject: String, _ filter: UInt32 = withVFs
  ) throws(NetlinkError) -> LinkInfo {
    let request = try socket.require(RequestMessage(type: Int32(RTM_GETLINK)), "read", subject)
    request.append(link: ifindex)
    if let name { request.put(Int32(IFLA_IFNAME), text: name) }
    request.put(Int32(IFLA_EXT_MASK), [filter])
    var link: LinkInfo?
    _ = try socket.exchange(request, "read", subject) { (message, datagram) throws(NetlinkError) in
      if link == nil, message.type == Int(RTM_NEWLINK) { link = try LinkMessage.parse(message, in: datagram) }
    }
    guard let link else {
      throw NetlinkError(code: .malformed, operation: "read", subject: subject, kernelText: "the kernel sent no link")
    }
    return link
  }

  /// The link's name for messages, asked of the kernel only when one is made.
  static func name(_ ifindex: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
    guard let index = UInt32(exactly: ifindex), if_indextoname(index, &buffer) != nil else { return "link \(ifindex)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension VFWrite {
  fileprivate var operation: String { "set \(settings.summary) on" }
  fileprivate var subject: String { "\(RouteSocket.name(ifindex))/\(vf)" }
}
