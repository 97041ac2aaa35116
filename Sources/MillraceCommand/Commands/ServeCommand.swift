import ArgumentParser
import Gateway
import Logging
import Metrics
import ServiceLifecycle
import Serving
import UnixSignals

/// `millrace serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Answer requests from topics until told to stop.",
        discussion: """
            Loads the models of the artifact store, joins the consumer group named by application-id, and answers every \
            record of the request topics with one record on the results topic. SIGTERM or SIGINT stop it gracefully: \
            what was admitted is answered, published and committed first, within shutdown.deadline.

            With training.enabled it also trains models by requests from training.requests, on threads of its own.

            Every key of the configuration may also be given as an environment variable; see `millrace config show`.

            EXAMPLES
              millrace serve --config millrace.yaml
              MILLRACE_KAFKA_BOOTSTRAP_SERVERS=localhost:9092 millrace serve
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let configuration = try options.load().configuration
        LogBootstrap.start(configuration.logging)
        let logger = Logger(label: "millrace")
        let metrics = configuration.gateway.isEnabled ? PrometheusMetrics() : nil
        if let metrics { MetricsSystem.bootstrap(metrics) }
        let inference = try InferenceService(configuration, logger: logger)
        let training = configuration.training.isEnabled ? try TrainingService(configuration, logger: logger) : nil
        var services: [any Service] = []
        if configuration.gateway.isEnabled {
            services.append(
                HTTPGateway(
                    configuration: GatewayConfiguration(
                        host: configuration.gateway.host, port: configuration.gateway.port),
                    metadata: ServerMetadata(version: Millrace.version, extensions: ["binary_tensor_data"]),
                    readiness: ReadinessSources(sources: [inference] + (training.map { [$0] } ?? [])),
                    metrics: metrics, logger: logger))
        }
        services.append(inference)
        if let training { services.append(training) }
        var group = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        group.maximumGracefulShutdownDuration = configuration.shutdownDeadline + .seconds(10)
        try await ServiceGroup(configuration: group).run()
    }
}
