import Clibvirt
import Glibc

/// A list of handles that libvirt allocated; the handles and the list are freed when the value ends.
struct HandleList: ~Copyable {
  private let list: UnsafeMutablePointer<OpaquePointer?>?
  private let count: Int
  private let free: (OpaquePointer?) -> Int32

  init(_ list: UnsafeMutablePointer<OpaquePointer?>?, count: Int, free: @escaping (OpaquePointer?) -> Int32) {
    self.list = list
    self.count = count
    self.free = free
  }

  deinit {
    for handle in UnsafeBufferPointer(start: list, count: count) { _ = free(handle) }
    Glibc.free(list)
  }

  /// Calls `body` with each handle, which stays this list's.
  borrowing func forEach(_ body: (OpaquePointer) throws(LibvirtError) -> Void) throws(LibvirtError) {
    for handle in UnsafeBufferPointer(start: list, count: count) {
      if let handle { try body(handle) }
    }
  }
}

/// Throws when `result` is libvirt's “failed”.
func check(_ result: Int32, _ operation: String, _ subject: String) throws(LibvirtError) {
  if result < 0 { throw .last(operation, subject) }
}

/// Reads libvirt's 1, 0, or -1 for failed.
func truth(_ result: Int32, _ operation: String, _ subject: String) throws(LibvirtError) -> Bool {
  try check(result, operation, subject)
  return result == 1
}

/// Copies and frees a string that libvirt allocated; nil means failed.
func takeString(
  _ string: UnsafeMutablePointer<CChar>?, _ operation: String, _ subject: String
) throws(LibvirtError) -> String {
  guard let string else { throw .last(operation, subject) }
  defer { free(string) }
  return String(cString: string)
}

/// Reads a UUID as lower-case text with dashes through a function that fills a buffer.
func readUUID(
  _ operation: String, _ subject: String, _ fill: (UnsafeMutablePointer<CChar>) -> Int32
) throws(LibvirtError) -> String {
  let size = Int(VIR_UUID_STRING_BUFLEN)
  let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
  defer { buffer.deallocate() }
  try check(fill(buffer), operation, subject)
  return String(cString: buffer)
}
