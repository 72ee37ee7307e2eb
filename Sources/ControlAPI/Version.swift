/// What `vfpool --version` prints and what vfpoold says in its status.
public enum Version {
  public static let current = "0.1.0"
}
