/// What this process has mapped into its memory.
public enum MemoryMappings {
  /// `smaps` as `proc(5)` describes it, whole. Fails when procfs isn't there.
  public static func read() throws(SysfsError) -> String { try ProcFile.read("/proc/self/smaps") }
}
