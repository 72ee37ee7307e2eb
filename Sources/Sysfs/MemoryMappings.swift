/// What this process has mapped into its memory.
public enum MemoryMappings {
  /// `smaps` as `proc(5)` describes it. Fails when procfs isn't there.
  public static func read() throws(SysfsError) -> String {
    let path = "/proc/self/smaps"
    do throws(Errno) {
      return try FileAccess.read(path)
    } catch {
      throw SysfsError(errno: error.code, operation: "read", subject: path)
    }
  }
}
