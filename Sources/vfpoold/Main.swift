import Daemon
import Glibc

@main
struct VFPoolDaemon {
  static func main() async {
    if CommandLine.arguments.dropFirst().first == "ledger" {
      exit(LedgerTool.run(Array(CommandLine.arguments.dropFirst(2))))
    }
    await DaemonRun.main()
  }
}
