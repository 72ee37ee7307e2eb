import Glibc
import NIOCore

/// The process at the other end of a Unix socket, as it was when it connected.
///
/// Source: unix(7), SO_PEERCRED; SO_PEERGROUPS gives its supplementary groups (Linux 4.13).
struct Peer: Hashable, Sendable {
  var uid: uid_t
  var gid: gid_t
  var pid: pid_t
  /// Its supplementary groups; of one that is in more than a thousand none is known.
  var groups: Set<gid_t>

  init(uid: uid_t, gid: gid_t, pid: pid_t, groups: Set<gid_t>) {
    self.uid = uid
    self.gid = gid
    self.pid = pid
    self.groups = groups
  }

  /// On the channel's event loop. Nil for other sockets.
  init?(_ channel: any Channel) {
    guard let options = channel as? any SocketOptionProvider,
      let credentials: Credentials = Self.option(.init(rawValue: SO_PEERCRED), options), credentials.pid != 0
    else { return nil }
    uid = credentials.uid
    gid = credentials.gid
    pid = credentials.pid
    let list: InlineArray<1024, gid_t>? = Self.option(.init(rawValue: Self.peerGroups), options)
    groups = []
    // What isn't filled in is 0, and nothing is shared with the group root.
    if let list { for place in list.indices where list[place] != 0 { groups.insert(list[place]) } }
  }

  /// The kernel's `struct ucred`.
  private struct Credentials {
    var pid: pid_t
    var uid: uid_t
    var gid: gid_t
  }

  private static let peerGroups: CInt = 59

  private static func option<Value: Sendable>(
    _ name: NIOBSDSocket.Option, _ provider: any SocketOptionProvider
  ) -> Value? {
    let read: EventLoopFuture<Value> = provider.unsafeGetSocketOption(level: .socket, name: name)
    // On the event loop it is there already.
    let box = NIOLoopBoundBox<Value?>(nil, eventLoop: read.eventLoop)
    read.whenSuccess { box.value = $0 }
    return box.value
  }

  /// Its user's name; nil where it has none.
  var user: String? { getpwuid(uid).map { String(cString: $0.pointee.pw_name) } }

  /// Who may use a socket: root, vfpoold's own user, and a group's members.
  func isIn(_ allowed: [gid_t]) -> Bool {
    uid == 0 || uid == geteuid() || allowed.contains { $0 == gid || groups.contains($0) }
  }
}
