import Libvirt

/// libvirt's own test driver: a host in this process's memory, shared by all connections that are open at a time.
enum TestHost {
  static let uri = "test:///default"

  static func connect() throws -> LibvirtConnection { try LibvirtConnection(uri: uri) }

  /// A network of its own for each test, since they run at the same time on one host.
  static func netdef(_ name: String, uuid: String? = nil, autostart: Bool = false) -> String {
    """
    <network>
      <name>\(name)</name>\(uuid.map { "\n  <uuid>\($0)</uuid>" } ?? "")
      <forward mode='hostdev' managed='yes'><driver name='vfio'/></forward>
    </network>
    """
  }
}

extension Result where Failure == LibvirtError {
  init(_ body: () throws(LibvirtError) -> Success) {
    do throws(LibvirtError) { self = .success(try body()) } catch { self = .failure(error) }
  }

  var failure: LibvirtError? { if case .failure(let error) = self { error } else { nil } }
}
