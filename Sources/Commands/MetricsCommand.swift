import ArgumentParser
import ControlAPI

/// `vfpool metrics`
struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Prints vfpoold's metrics in Prometheus' text format.",
    discussion: """
      The same is served at /metrics on vfpoold's sockets. Prometheus reads it from a Unix socket by way of a proxy, or
      from a file of node_exporter's textfile collector:

        vfpool metrics > /var/lib/prometheus/node-exporter/vfpool.prom.new
        mv /var/lib/prometheus/node-exporter/vfpool.prom.new /var/lib/prometheus/node-exporter/vfpool.prom
      """)

  @OptionGroup var connection: ConnectionOptions

  func run() throws { Console.current.pass(try connection.client.metrics()) }
}
