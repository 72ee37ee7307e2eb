import ArgumentParser
import ControlAPI

/// `vfpool metrics`
struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Prints vfpoold's metrics in Prometheus' text format.",
    discussion: """
      The same is served at /metrics on vfpoold's sockets, and on web-listen (vfpool.conf) for a Prometheus on this host. \
      For one elsewhere: a reverse proxy before web-listen, or node_exporter's textfile collector:

        cd /var/lib/prometheus/node-exporter
        vfpool metrics > vfpool.prom.new && mv vfpool.prom.new vfpool.prom
      """)

  @OptionGroup var connection: ConnectionOptions

  func run() throws { Console.current.pass(try connection.client.metrics()) }
}
