import ModelRegistry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Every key there is. `docs/configuration.md` and `schemas/millrace-configuration.schema.json` list the same ones.
enum ConfigurationKeys {
    static let applicationID = ConfigurationKey(
        "application-id", .identifier, default: "millrace",
        "Consumer group, and with the instance id the transactional id. Instances that share the work share it.")
    static let instanceID = ConfigurationKey(
        "instance-id", .identifier, default: hostName, defaultDescription: "the host name",
        "Names this instance among those of the application; the same after a restart, never shared.")

    static let bootstrapServers = ConfigurationKey(
        "kafka.bootstrap-servers", .servers, default: ["localhost:9092"],
        "Brokers to ask for the cluster.")
    static let clientID = ConfigurationKey(
        "kafka.client-id", .identifier, default: "millrace",
        "What the brokers' logs and quotas call this client.")
    static let kafkaProperties = ConfigurationMapKey(
        "kafka.properties", .text,
        "Any librdkafka property, passed through, save those that the delivery guarantee owns.")

    static let staticMembership = ConfigurationKey(
        "kafka.static-membership", .boolean, default: false,
        "Keep this instance's partitions over a restart within the session timeout; needs an instance-id of its own.")
    static let sessionTimeout = ConfigurationKey(
        "kafka.session-timeout", .duration(.seconds(1) ... .seconds(1800)), default: .seconds(6),
        "An instance silent for so long loses its partitions to others.")

    static let requestTopics = ConfigurationKey(
        "topics.requests", .topics, default: ["millrace.requests"],
        "Topics of inference requests.")
    static let resultTopic = ConfigurationKey(
        "topics.results", .topic, default: "millrace.results",
        "Topic of responses and typed errors.")
    static let artifactsTopic = ConfigurationKey(
        "topics.artifacts", .topic, default: "millrace.artifacts",
        "Topic of model bundles, if models.artifacts is kafka. Compacted; made when it is missing.")
    static let modelsTopic = ConfigurationKey(
        "topics.models", .topic, default: "millrace.models",
        "Topic of the registry: versions, aliases, traffic rules. Compacted, with one partition; made when it is missing."
    )
    static let deadLetterSuffix = ConfigurationKey(
        "topics.dead-letter-suffix", .topicSuffix, default: "-dlt",
        "Appended to a request topic's name for the topic of its undecodable records.")
    static let createTopics = ConfigurationKey(
        "topics.create", .boolean, default: false,
        "Create missing topics at start.")
    static let topicPartitions = ConfigurationKey(
        "topics.partitions", .integer(1...10_000), default: 6,
        "Partitions of a topic created here.")
    static let topicReplicationFactor = ConfigurationKey(
        "topics.replication-factor", .integer(1...100), default: 1,
        "Replicas of a topic created here.")

    static let bindings = ConfigurationMapKey(
        "bindings", .model,
        "Request topic to the model that answers a request naming none, name or name@version.")

    static let modelStore = ConfigurationKey(
        "models.store", .text, default: "./models",
        "Directory of the artifact store.")
    static let modelRegistry = ConfigurationKey(
        "models.registry", .choice(), default: RegistryLocation.topic,
        "Where versions, aliases and traffic rules are. topic: on topics.models, for all instances; store: versions alone, "
            + "as imported into models.store without brokers.")
    static let modelArtifacts = ConfigurationKey(
        "models.artifacts", .choice(), default: ArtifactLocation.directory,
        "Where bundles lie. directory: in models.store; kafka: on topics.artifacts, with copies in models.store.")
    static let modelPreload = ConfigurationKey(
        "models.preload", .preload, default: .all,
        "Models loaded and warmed before the instance is ready: all, or a list of name or name@version.")

    static let modelMemory = ConfigurationKey(
        "models.memory", .byteSize(0...(1 << 50)), default: 0,
        "What loaded versions may take together; the least recently used are unloaded, and loaded again when a request "
            + "names them. 0 is no limit.")
    static let modelWait = ConfigurationKey(
        "models.maximum-wait", .duration(.zero ... .seconds(3600)), default: .seconds(10),
        "How long a request waits for its model to be loaded before it is answered OVERLOADED.")
    static let modelWaiting = ConfigurationKey(
        "models.maximum-waiting", .integer(0...10_000_000), default: 4096,
        "Requests that may wait for models at once; more are answered OVERLOADED.")
    static let shadowTopics = ConfigurationKey(
        "models.shadow-topics", .optionalTopics, default: [],
        "Topics that the shadows of traffic rules may write to; a rule's shadow with another topic does not answer.")

    static let batchRows = ConfigurationKey(
        "batching.maximum-rows", .integer(1...65_536), default: 128,
        "Rows of a batch.")
    static let batchBytes = ConfigurationKey(
        "batching.maximum-bytes", .byteSize(1024...(1 << 30)), default: 8 << 20,
        "Input bytes of a batch.")
    static let batchDelay = ConfigurationKey(
        "batching.maximum-delay", .duration(.zero ... .seconds(10)), default: .zero,
        "How long rows wait for more to share their batch; they share one without waiting while every thread is busy.")

    static let rowsInFlight = ConfigurationKey(
        "pipeline.maximum-rows-in-flight", .integer(1...10_000_000), default: 8192,
        "Rows decoded and not yet committed; partitions are paused at the limit.")
    static let bytesInFlight = ConfigurationKey(
        "pipeline.maximum-bytes-in-flight", .byteSize((1 << 20)...(1 << 40)), default: 256 << 20,
        "Request bytes decoded and not yet committed; partitions are paused at the limit.")
    static let threads = ConfigurationKey(
        "pipeline.threads", .integer(1...1024), default: coreCount, defaultDescription: "the number of cores",
        "Compute threads.")

    static let delivery = ConfigurationKey(
        "delivery", .choice(), default: Delivery.exactlyOnce,
        "Delivery guarantee. exactly-once: results and offsets are one transaction; at-least-once: lower latency.")

    static let recoveryDirectory = ConfigurationKey(
        "recovery.directory", .text, default: "./state",
        "Directory of the file that remembers which records were being worked on when the process died.")
    static let recoveryAttempts = ConfigurationKey(
        "recovery.attempts", .integer(1...1000), default: 3,
        "Deaths of the process over a record after which it is answered as an error and dead-lettered.")

    static let requestBytes = ConfigurationKey(
        "limits.maximum-request-bytes", .byteSize(1024...(1 << 30)), default: 16 << 20,
        "A larger request is answered TOO_LARGE.")
    static let resultBytes = ConfigurationKey(
        "limits.maximum-result-bytes", .byteSize(1024...(1 << 30)), default: 1 << 20,
        "A larger result becomes TOO_LARGE, as does one that the results topic's max.message.bytes leaves no room for.")
    static let requestInputs = ConfigurationKey(
        "limits.maximum-inputs", .integer(1...4096), default: 64,
        "Input tensors of a request.")
    static let requestElements = ConfigurationKey(
        "limits.maximum-elements", .integer(1...(1 << 31)), default: 1 << 24,
        "Elements of all input tensors of a request together.")

    static let shutdownDeadline = ConfigurationKey(
        "shutdown.deadline", .duration(.milliseconds(100) ... .seconds(3600)), default: .seconds(20),
        "How long a shutdown may finish work in flight before the process ends.")

    static let gatewayEnabled = ConfigurationKey(
        "gateway.enabled", .boolean, default: true,
        "Serve health, metrics and metadata over HTTP.")
    static let gatewayHost = ConfigurationKey(
        "gateway.host", .text, default: "127.0.0.1",
        "Address to listen on; 0.0.0.0 for every interface.")
    static let gatewayPort = ConfigurationKey(
        "gateway.port", .integer(0...65_535), default: 8080,
        "Port to listen on; 0 takes a free one.")

    static let logLevel = ConfigurationKey(
        "logging.level", .choice(), default: LogLevel.info,
        "Least severe level that is logged.")
    static let logFormat = ConfigurationKey(
        "logging.format", .choice(), default: LogFormat.text,
        "Lines for people, or one JSON object a line.")

    static let all: [any ConfigurationKeyDescription] =
        [
            applicationID, instanceID, bootstrapServers, clientID, kafkaProperties, staticMembership,
            sessionTimeout, requestTopics, resultTopic, artifactsTopic, modelsTopic,
            deadLetterSuffix, createTopics, topicPartitions, topicReplicationFactor, bindings, modelStore,
            modelRegistry, modelArtifacts, modelPreload, modelMemory, modelWait, modelWaiting, shadowTopics,
            delivery, batchRows, batchBytes, batchDelay, rowsInFlight, bytesInFlight, threads, recoveryDirectory,
            recoveryAttempts, requestBytes, resultBytes,
            requestInputs, requestElements, shutdownDeadline, gatewayEnabled, gatewayHost, gatewayPort, logLevel,
            logFormat,
        ] + training

    private static let hostName = HostName.current() ?? "localhost"
    private static let coreCount = min(max(ProcessInfo.processInfo.activeProcessorCount, 1), 1024)
}
