/// A file of procfs, by its path.
enum ProcFile {
  /// The whole content, however many pages the kernel hands it out in.
  static func read(_ path: String) throws(SysfsError) -> String {
    do throws(Errno) {
      return try FileAccess.read(path)
    } catch {
      throw SysfsError(errno: error.code, operation: "read", subject: path)
    }
  }
}
