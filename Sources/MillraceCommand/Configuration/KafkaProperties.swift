/// What the configuration knows of librdkafka's properties: which it must own, and which hold secrets.
enum KafkaProperties {
    /// Why a property may not be passed through, or nil when it may.
    static func refusal(of property: String) -> String? {
        switch property {
        case "bootstrap.servers", "metadata.broker.list": "set kafka.bootstrap-servers instead"
        case "client.id": "set kafka.client-id instead"
        case "group.id": "the consumer group is application-id"
        case "group.instance.id": "membership follows instance-id"
        case "transactional.id": "it is derived from application-id and instance-id"
        case "enable.auto.commit", "auto.commit.enable", "auto.commit.interval.ms", "enable.auto.offset.store":
            "offsets are committed with the answers, never by a timer: a crash would lose records"
        case "enable.idempotence": "the producer is always idempotent"
        case "isolation.level": "requests are always read committed"
        case "enable.partition.eof", "go.delivery.reports", "dr_cb", "dr_msg_cb", "rebalance_cb", "opaque":
            "the client owns it"
        default: nil
        }
    }
}

/// Values that never reach a terminal, a log or an error message.
enum SecretValue {
    static let redacted = "<redacted>"

    /// Whether the key's value is a secret. Decided by what the name contains, so that a property of a later
    /// librdkafka is caught as well.
    static func isSecret(_ key: String) -> Bool {
        let name = key.lowercased()
        return ["password", "secret", "token", "private", "key.pem", "ssl_key", "oauthbearer.config", "jaas"]
            .contains { name.contains($0) }
    }
}
