/// A librdkafka property that this module sets itself, because exactly-once or its own bookkeeping depends on it.
struct OwnedProperty: Sendable {
    var reason: String
    /// Values that say what this module does anyway: harmless in a configuration copied from elsewhere.
    var acceptedValues: Set<String> = []

    func accepts(_ value: String) -> Bool { acceptedValues.contains(value.lowercased()) }

    static let all: [String: OwnedProperty] = {
        var all: [String: OwnedProperty] = [
            "enable.auto.commit": OwnedProperty(
                reason: "offsets are committed only for answered records; automatic commits lose records on a crash",
                acceptedValues: ["false"]),
            "enable.auto.offset.store": OwnedProperty(
                reason: "offsets are committed only for answered records, not for delivered ones",
                acceptedValues: ["false"]),
            "auto.commit.interval.ms": OwnedProperty(
                reason: "there are no automatic commits; offsets are committed only for answered records"),
            "enable.idempotence": OwnedProperty(
                reason: "without idempotence a retry can write a record twice", acceptedValues: ["true"]),
            "enable.gapless.guarantee": OwnedProperty(
                reason: "failed records are reported one by one, so the producer must survive them",
                acceptedValues: ["false"]),
            "delivery.report.only.error": OwnedProperty(
                reason: "every record's delivery report is awaited", acceptedValues: ["false"]),
            "partition.assignment.strategy": OwnedProperty(
                reason:
                    "only the eager assignors range and roundrobin are supported: cooperative-sticky can hang on close "
                    + "and lose the assignment on a commit during a rebalance",
                acceptedValues: ["range", "roundrobin", "range,roundrobin", "roundrobin,range"]),
            "log.queue": OwnedProperty(
                reason: "librdkafka's log lines go to the application's logger", acceptedValues: ["false"]),
        ]
        let acknowledged = OwnedProperty(
            reason: "a record counts as written when every in-sync replica has it", acceptedValues: ["all", "-1"])
        all["acks"] = acknowledged
        all["request.required.acks"] = acknowledged
        let fields = [
            "bootstrap.servers": "bootstrapServers", "metadata.broker.list": "bootstrapServers",
            "client.id": "clientID", "group.id": "groupID", "group.instance.id": "groupInstanceID",
            "transactional.id": "transactionalID", "transaction.timeout.ms": "transactionTimeout",
            "auto.offset.reset": "autoOffsetReset", "isolation.level": "isolationLevel",
            "session.timeout.ms": "sessionTimeout", "max.poll.interval.ms": "maxPollInterval",
            "enable.partition.eof": "reportsEndOfPartition",
        ]
        for (key, field) in fields {
            all[key] = OwnedProperty(reason: "has a setting of its own: \(field)")
        }
        for key in ["test.mock.num.brokers", "test.mock.broker.rtt"] {
            all[key] = OwnedProperty(reason: "would replace the configured cluster; use EmbeddedCluster")
        }
        return all
    }()
}
