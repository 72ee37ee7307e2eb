import ArgumentParser
import ControlAPI
import Glibc

/// The CLI as a whole: arguments in, exit code out.
public enum Program {
  /// Runs the process's arguments and ends the process.
  public static func main() -> Never {
    // Console sees EPIPE itself: a signal would also kill us when vfpoold hangs up.
    signal(SIGPIPE, SIG_IGN)
    exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  /// 0 ok, 1 refused or failed, 2 usage, 3 `--plan` found changes to make, 4 vfpoold unreachable, 5 `doctor` found warnings only.
  static func run(_ arguments: [String]) -> Int32 {
    let console = Console.current
    do {
      if let listing = VFListing(arguments) {
        try listing.run()
      } else {
        var command = try RootCommand.parseAsRoot(arguments)
        try command.run()
      }
      return 0
    } catch let error as ControlClientError {
      console.complain("vfpool: \(error.text)\n")
      return error.code == .unreachable ? 4 : 1
    } catch let error as CommandError {
      if !error.text.isEmpty { console.complain("vfpool: \(error.text)\n") }
      return error.code.exitCode
    } catch {
      let text = RootCommand.fullMessage(for: error)
      // Help, version and completion scripts come as errors, too.
      guard RootCommand.exitCode(for: error) != .success else {
        console.write(text + "\n")
        return 0
      }
      let label = "Error: "
      console.complain("vfpool: \(text.hasPrefix(label) ? String(text.dropFirst(label.count)) : text)\n")
      return 2
    }
  }
}
