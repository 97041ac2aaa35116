import KafkaClient
import Logging
import Synchronization
import Testing

@Suite struct LoggingTests {
    /// Keeps every line, with its metadata, as text.
    private final class Lines: Sendable {
        let lines = Mutex<[(level: Logger.Level, text: String)]>([])

        var logger: Logger {
            Logger(label: "recording") { [self] _ in Handler(lines: self) }
        }

        struct Handler: LogHandler {
            let lines: Lines
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.trace

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }

            func log(event: LogEvent) {
                lines.lines.withLock {
                    $0.append((event.level, "\(event.message) \(event.metadata ?? [:])"))
                }
            }
        }
    }

    @Test func librdkafkasLinesReachTheLoggerWithoutSecrets() async throws {
        let lines = Lines()
        let secret = "correct-horse-battery"
        // An unreachable broker and full debugging make it talk; the user name shows that properties are among it.
        let kafka = try KafkaConfiguration(
            bootstrapServers: "127.0.0.1:1", clientID: "logging-\(secret)",
            properties: ["debug": "all", "sasl.password": secret, "sasl.username": "joe", "sasl.mechanism": "PLAIN"])
        let consumer = try KafkaConsumer(ConsumerConfiguration(kafka: kafka, groupID: "g"), logger: lines.logger)
        let producer = try KafkaProducer(ProducerConfiguration(kafka: kafka), logger: lines.logger)
        try consumer.subscribe(to: ["t"])
        var failures: [KafkaError] = []
        try await poll {
            for case .failed(let error) in consumer.drain(maximumRecords: 1, maximumBytes: 1) { failures.append(error) }
            return !failures.isEmpty && lines.lines.withLock { $0.count > 100 }
        }
        await producer.close(deadline: .milliseconds(200))
        await consumer.close()
        #expect(failures.allSatisfy { !$0.isFatal && $0.isConnectionFailure })
        let recorded = lines.lines.withLock { $0 }
        let leak = recorded.first { $0.text.contains(secret) }?.text
        #expect(leak == nil)
        let redacted = recorded.count { $0.text.contains("[redacted]") }
        #expect(redacted > 0)
        let levels = Set(recorded.map(\.level))
        #expect(levels.isSuperset(of: [.debug, .error]), "\(levels)")
    }

    @Test func theLibraryNamesItsVersion() {
        let (major, minor, revision) = LibrdkafkaVersion.components
        #expect(LibrdkafkaVersion.description.hasPrefix("\(major).\(minor).\(revision)"))
        #expect((major, minor, revision) >= (2, 0, 2))
        #expect(LibrdkafkaVersion.repeatsSCRAMNonce == ((major, minor, revision) < (2, 6, 1)))
    }
}
