import ArgumentParser
import ControlAPI

/// How to reach vfpoold.
struct ConnectionOptions: ParsableArguments {
  @Option(
    help: .init("vfpoold's socket.", valueName: "path", visibility: .hidden), completion: .file())
  var socket: String?

  var client: ControlClient { socket.map { ControlClient(readWrite: $0, readOnly: nil) } ?? .ofHost }
}
