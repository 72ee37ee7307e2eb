import Daemon

@main
struct VFPoolDaemon {
  static func main() async { await DaemonRun.main() }
}
