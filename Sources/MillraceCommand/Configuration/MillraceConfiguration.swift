import Logging
import ModelRegistry

/// The effective configuration of an instance. Sources, highest precedence first: flags, `MILLRACE_*` environment
/// variables, `millrace.yaml`, the defaults below. An unknown key in any of them is an error.
///
/// | key | default |
/// |---|---|
/// | `application-id` | `millrace` |
/// | `instance-id` | the host name |
/// | `kafka.bootstrap-servers` | `localhost:9092` |
/// | `kafka.client-id` | `millrace` |
/// | `kafka.properties.*` | none |
/// | `kafka.static-membership` | `false` |
/// | `kafka.session-timeout` | `6s` |
/// | `topics.requests` | `millrace.requests` |
/// | `topics.results` | `millrace.results` |
/// | `topics.artifacts` | `millrace.artifacts` |
/// | `topics.models` | `millrace.models` |
/// | `topics.dead-letter-suffix` | `-dlt` |
/// | `topics.create` | `false` |
/// | `topics.partitions` | `6` |
/// | `topics.replication-factor` | `1` |
/// | `bindings.*` | none |
/// | `models.store` | `./models` |
/// | `models.registry` | `topic` |
/// | `models.artifacts` | `directory` |
/// | `models.preload` | `all` |
/// | `models.memory` | `0` |
/// | `models.maximum-wait` | `10s` |
/// | `models.maximum-waiting` | `4096` |
/// | `models.shadow-topics` | `none` |
/// | `delivery` | `exactly-once` |
/// | `batching.maximum-rows` | `128` |
/// | `batching.maximum-bytes` | `8MiB` |
/// | `batching.maximum-delay` | `0ms` |
/// | `pipeline.maximum-rows-in-flight` | `8192` |
/// | `pipeline.maximum-bytes-in-flight` | `256MiB` |
/// | `pipeline.threads` | the number of cores |
/// | `recovery.directory` | `./state` |
/// | `recovery.attempts` | `3` |
/// | `limits.maximum-request-bytes` | `16MiB` |
/// | `limits.maximum-result-bytes` | `1MiB` |
/// | `limits.maximum-inputs` | `64` |
/// | `limits.maximum-elements` | `16777216` |
/// | `shutdown.deadline` | `20s` |
/// | `gateway.enabled` | `true` |
/// | `gateway.host` | `127.0.0.1` |
/// | `gateway.port` | `8080` |
/// | `logging.level` | `info` |
/// | `logging.format` | `text` |
/// | `training.enabled` | `false` |
/// | `training.requests` | `millrace.training.requests` |
/// | `training.events` | `millrace.training.events` |
/// | `training.tasks` | `millrace.training.tasks` |
/// | `training.lineage-topic` | `none` |
/// | `training.group-suffix` | `-training` |
/// | `training.threads` | `1` |
/// | `training.niceness` | `10` |
/// | `training.checkpoints` | `./state/training` |
/// | `training.data-folder` | `none` |
/// | `training.deadline-limit` | `0ms` |
/// | `training.attempts` | `10` |
/// | `training.maximum-waiting` | `1000` |
/// | `training.maximum-request-bytes` | `4MiB` |
/// | `training.maximum-rows` | `1073741824` |
/// | `training.maximum-memory` | `256MiB` |
/// | `training.maximum-disk` | `64GiB` |
/// | `training.maximum-epochs` | `100000` |
/// | `training.maximum-fits` | `10000` |
struct MillraceConfiguration: Sendable, Equatable {
    struct Kafka: Sendable, Equatable {
        /// `host:port` of each.
        var bootstrapServers: [String]
        var clientID: String
        /// librdkafka properties to pass through. May hold secrets: never print them.
        var properties: [String: String]
        /// The group knows this instance by its instance id, over restarts.
        var staticMembership: Bool
        var sessionTimeout: Duration
    }

    struct Topics: Sendable, Equatable {
        var requests: [String]
        var results: String
        /// Of model bundles.
        var artifacts: String
        /// The registry's.
        var models: String
        var deadLetterSuffix: String
        var create: Bool
        var partitions: Int
        var replicationFactor: Int
    }

    struct Models: Sendable, Equatable {
        /// Directory of the artifact store.
        var store: String
        var registry: RegistryLocation
        var artifacts: ArtifactLocation
        var preload: ModelPreload
        /// Bytes; nil is no limit.
        var memoryBudget: Int?
        /// Of a request for its model.
        var maximumWait: Duration
        /// Requests that wait for models at once.
        var maximumWaiting: Int
        /// Topics that shadows may write to.
        var shadowTopics: [String]
        /// Whether the brokers are asked how the registry topic is configured. No key: only the cluster of the
        /// demonstration has no answer.
        var isTopicChecked = true
    }

    struct Batching: Sendable, Equatable {
        var maximumRows: Int
        var maximumBytes: Int
        var maximumDelay: Duration
    }

    struct Pipeline: Sendable, Equatable {
        var maximumRowsInFlight: Int
        var maximumBytesInFlight: Int
        var threads: Int
    }

    struct Recovery: Sendable, Equatable {
        var directory: String
        /// Deaths of the process over the same record.
        var attempts: Int
    }

    struct Limits: Sendable, Equatable {
        var maximumRequestBytes: Int
        var maximumResultBytes: Int
        var maximumInputs: Int
        var maximumElements: Int
    }

    struct Gateway: Sendable, Equatable {
        var isEnabled: Bool
        var host: String
        var port: Int
    }

    struct Logging: Sendable, Equatable {
        var level: Logger.Level
        var format: LogFormat
    }

    var applicationID: String
    var instanceID: String
    var kafka: Kafka
    var topics: Topics
    /// Request topic to the model of its requests that name none.
    var bindings: [String: ModelReference]
    var models: Models
    var batching: Batching
    var pipeline: Pipeline
    var delivery: Delivery
    var recovery: Recovery
    var limits: Limits
    /// How long a shutdown may take before the process ends regardless.
    var shutdownDeadline: Duration
    var gateway: Gateway
    var logging: Logging
    var training: Training

    /// Of which 0 is none.
    private static func limit(_ value: Int) -> Int? { value == 0 ? nil : value }

    /// Reads every key of ``ConfigurationKeys/all``; the reader collects what is wrong.
    init(reader: inout ConfigurationReader) {
        typealias Keys = ConfigurationKeys
        applicationID = reader.read(Keys.applicationID)
        instanceID = reader.read(Keys.instanceID)
        kafka = Kafka(
            bootstrapServers: reader.read(Keys.bootstrapServers), clientID: reader.read(Keys.clientID),
            properties: reader.read(Keys.kafkaProperties), staticMembership: reader.read(Keys.staticMembership),
            sessionTimeout: reader.read(Keys.sessionTimeout))
        topics = Topics(
            requests: reader.read(Keys.requestTopics), results: reader.read(Keys.resultTopic),
            artifacts: reader.read(Keys.artifactsTopic), models: reader.read(Keys.modelsTopic),
            deadLetterSuffix: reader.read(Keys.deadLetterSuffix),
            create: reader.read(Keys.createTopics),
            partitions: reader.read(Keys.topicPartitions),
            replicationFactor: reader.read(Keys.topicReplicationFactor))
        bindings = reader.read(Keys.bindings)
        models = Models(
            store: reader.read(Keys.modelStore), registry: reader.read(Keys.modelRegistry),
            artifacts: reader.read(Keys.modelArtifacts),
            preload: reader.read(Keys.modelPreload), memoryBudget: Self.limit(reader.read(Keys.modelMemory)),
            maximumWait: reader.read(Keys.modelWait), maximumWaiting: reader.read(Keys.modelWaiting),
            shadowTopics: reader.read(Keys.shadowTopics))
        delivery = reader.read(Keys.delivery)
        batching = Batching(
            maximumRows: reader.read(Keys.batchRows), maximumBytes: reader.read(Keys.batchBytes),
            maximumDelay: reader.read(Keys.batchDelay))
        pipeline = Pipeline(
            maximumRowsInFlight: reader.read(Keys.rowsInFlight), maximumBytesInFlight: reader.read(Keys.bytesInFlight),
            threads: reader.read(Keys.threads))
        recovery = Recovery(
            directory: reader.read(Keys.recoveryDirectory), attempts: reader.read(Keys.recoveryAttempts))
        limits = Limits(
            maximumRequestBytes: reader.read(Keys.requestBytes), maximumResultBytes: reader.read(Keys.resultBytes),
            maximumInputs: reader.read(Keys.requestInputs), maximumElements: reader.read(Keys.requestElements))
        shutdownDeadline = reader.read(Keys.shutdownDeadline)
        gateway = Gateway(
            isEnabled: reader.read(Keys.gatewayEnabled), host: reader.read(Keys.gatewayHost),
            port: reader.read(Keys.gatewayPort))
        logging = Logging(level: reader.read(Keys.logLevel).level, format: reader.read(Keys.logFormat))
        training = Training(reader: &reader)
    }
}
