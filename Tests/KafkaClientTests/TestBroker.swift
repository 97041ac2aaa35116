import KafkaClient
import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The cluster that the tests run against: the one `MILLRACE_TEST_BOOTSTRAP` names, or an embedded one that every suite
/// shares.
enum TestBroker {
    static let external: String? = getenv("MILLRACE_TEST_BOOTSTRAP").map { String(cString: $0) }
    static var isEmbedded: Bool { external == nil }

    private static let embedded = Mutex<EmbeddedCluster?>(nil)
    private static let topicNumber = Mutex(0)

    static func bootstrapServers() throws -> String {
        if let external { return external }
        return try embedded.withLock { cluster in
            if let cluster { return cluster.bootstrapServers }
            let created = try EmbeddedCluster()
            cluster = created
            return created.bootstrapServers
        }
    }

    static func configuration(_ properties: [String: String] = [:]) throws -> KafkaConfiguration {
        try KafkaConfiguration(bootstrapServers: bootstrapServers(), clientID: "tests", properties: properties)
    }

    /// A name that no other test and no earlier run has used.
    static func uniqueName(_ purpose: String) -> String {
        let number = topicNumber.withLock { number in
            number += 1
            return number
        }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return "millrace-test-\(purpose)-\(time.tv_sec)-\(getpid())-\(number)"
    }

    /// A new topic of its own.
    static func makeTopic(_ purpose: String, partitions: Int = 1) async throws -> String {
        let name = uniqueName(purpose)
        if external == nil {
            _ = try bootstrapServers()
            try embedded.withLock { try $0?.createTopic(name, partitions: partitions) }
        } else {
            let admin = try KafkaAdmin(configuration(), logger: logger)
            try await admin.createTopics([NewTopic(name: name, partitions: partitions, replicationFactor: 1)])
            await admin.close()
        }
        return name
    }

    static let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
}
