import CRdKafka

/// The librdkafka that this process runs with, which may be newer than the one it was built against.
public enum LibrdkafkaVersion {
    /// As it calls itself: `2.0.2`.
    public static var description: String {
        rd_kafka_version_str().map { String(cString: $0) } ?? "unknown"
    }

    /// Major, minor and revision, for comparing.
    public static var components: (major: Int, minor: Int, revision: Int) {
        let version = Int(rd_kafka_version())
        return (version >> 24 & 0xFF, version >> 16 & 0xFF, version >> 8 & 0xFF)
    }

    /// Before 2.6.1 the SCRAM client repeats its nonce, which brokers of Kafka 4.0 and later answer with "invalid
    /// credentials".
    public static var repeatsSCRAMNonce: Bool { components < (2, 6, 1) }
}
