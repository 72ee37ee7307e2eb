/// Which boot of the kernel this is.
public enum BootID {
  /// The kernel's random UUID of this boot; another after each reboot. Fails when procfs isn't there.
  public static func read(procRoot: String = "/proc") throws(SysfsError) -> String {
    try ProcFile.read(procRoot + "/sys/kernel/random/boot_id").trimmed
  }
}
