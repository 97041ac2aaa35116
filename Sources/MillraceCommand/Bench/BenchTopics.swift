import KafkaClient
import Logging

/// The topics of a benchmark, on the given brokers or on a cluster inside this process, deleted afterwards.
final class BenchTopics {
    /// What a partition of the embedded cluster keeps for certain.
    private static let embeddedPartitionBytes = 4_000_000

    let requests: String
    let partitions: Int
    let bootstrapServers: String
    private let cluster: EmbeddedCluster?
    private let admin: KafkaAdmin?
    private let prefix: String
    private var created: [String] = []

    /// - Parameter recordBytes: of one request in the log.
    init(_ options: BenchOptions, recordBytes: Int, logger: Logger) throws {
        prefix = "millrace-bench-" + String(UInt32.random(in: .min ... .max), radix: 16)
        requests = prefix + ".requests"
        if let bootstrap = options.bootstrap {
            bootstrapServers = bootstrap
            cluster = nil
            admin = try KafkaAdmin(
                try KafkaConfiguration(bootstrapServers: bootstrap, clientID: "millrace-bench"), logger: logger)
            partitions = options.partitions ?? 4
            return
        }
        let needed =
            (options.requestsPerRun * recordBytes + Self.embeddedPartitionBytes - 1) / Self.embeddedPartitionBytes
        partitions = options.partitions ?? max(4, needed)
        guard partitions >= needed else {
            throw CommandFailure(
                .usage,
                "--partitions: found \(partitions), expected at least \(needed): a partition of the embedded cluster keeps "
                    + "about \(Self.embeddedPartitionBytes / 1_000_000) MB; or give --bootstrap")
        }
        let cluster = try EmbeddedCluster(logger: logger)
        bootstrapServers = cluster.bootstrapServers
        self.cluster = cluster
        admin = nil
    }

    func createRequests() async throws {
        try await create([requests, requests + "-dlt"])
    }

    /// The group, and the results topic, of one run.
    func nextRun(_ number: Int) async throws -> (applicationID: String, results: String) {
        let results = "\(prefix).results-\(number)"
        try await create([results])
        return ("\(prefix)-\(number)", results)
    }

    func delete(_ names: [String]) async {
        created.removeAll(where: names.contains)
        try? await admin?.deleteTopics(names)
    }

    func close() async {
        await delete(created)
        await admin?.close(deadline: .seconds(2))
        cluster?.stop()
    }

    private func create(_ names: [String]) async throws {
        created += names
        if let cluster {
            for name in names { try cluster.createTopic(name, partitions: partitions) }
        } else {
            try await admin?.createTopics(
                names.map { NewTopic(name: $0, partitions: partitions, replicationFactor: nil) })
            for name in names { try await waitForLeaders(of: name) }
        }
    }

    /// A topic exists before every broker knows of it.
    private func waitForLeaders(of topic: String) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while let admin {
            let found = try? await admin.metadata(topic: topic).topics[topic]
            if let found, found.partitions.count == partitions, found.partitions.allSatisfy({ $0.leader != nil }) {
                return
            }
            guard ContinuousClock.now < deadline else {
                throw CommandFailure(.broker, "topic \(topic) has no leaders 10 s after it was created")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
