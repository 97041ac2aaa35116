package import KafkaClient
package import Logging

/// Ends transactions that dead instances left open.
///
/// An instance that is killed between its offsets and its commit leaves their partitions locked until the broker gives its
/// transaction up, half a minute later and more: nobody can read where the next instance has to begin. Instances therefore
/// leave their transactional id beside each offset they commit. Whoever is given a partition with a locked offset fences
/// the instance that was there before, unless that is alive, which aborts its transaction at once.
package struct AbandonedTransactions: Sendable {
    /// How long an offset may be locked before its last owner is looked at: a live one commits within this.
    private static let patience = Duration.milliseconds(400)
    private static let pause = Duration.milliseconds(200)
    /// By then the broker has ended every transaction itself.
    private static let deadline = Duration.seconds(90)

    private let group: String
    private let instanceID: String
    private let consumer: KafkaConsumer
    private let admin: KafkaAdmin
    private let logger: Logger
    private let fence: @Sendable (_ transactionalID: String) async throws -> Void

    /// - Parameters:
    ///   - group: the consumer group, which is also the first part of its members' transactional ids.
    ///   - instanceID: this instance's.
    ///   - fence: takes a transactional id over and lets it go again.
    package init(
        group: String, instanceID: String, consumer: KafkaConsumer, admin: KafkaAdmin, logger: Logger,
        fence: @escaping @Sendable (_ transactionalID: String) async throws -> Void
    ) {
        self.group = group
        self.instanceID = instanceID
        self.consumer = consumer
        self.admin = admin
        self.logger = logger
        self.fence = fence
    }

    /// The transactional id of an instance.
    package static func transactionalID(group: String, instanceID: String) -> String { "\(group)-\(instanceID)" }

    /// The end of the client id under which an instance is a member of its group.
    package static func memberRole(instanceID: String) -> String { "consumer-\(instanceID)" }

    /// Returns when the offsets of newly assigned partitions can be read, when the task is cancelled, or when the broker
    /// has had time to end the transactions itself.
    package func release(_ partitions: [TopicPartition]) async {
        var fenced: Set<String> = [Self.transactionalID(group: group, instanceID: instanceID)]
        let deadline = ContinuousClock.now + Self.deadline
        while !Task.isCancelled, !consumer.isClosed, .now < deadline {
            if (try? await consumer.committed(partitions, timeout: Self.patience)) != nil { return }
            do {
                for owner in try await deadOwners(of: partitions) where fenced.insert(owner).inserted {
                    logger.notice(
                        "ending the transaction that a dead instance left open",
                        metadata: ["transactionalID": "\(owner)"])
                    try await fence(owner)
                }
            } catch {
                logger.warning(
                    "a locked offset could not be released; the broker will do it", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.pause)
        }
    }

    private func deadOwners(of partitions: [TopicPartition]) async throws -> [String] {
        let prefix = Self.transactionalID(group: group, instanceID: "")
        // Anybody may have written the metadata: only what names an instance of this group is one.
        let owners = Set(try await admin.committedMetadata(ofGroup: group, partitions: partitions).values)
            .filter { $0.hasPrefix(prefix) && $0.utf8.count <= 512 }
        guard !owners.isEmpty else { return [] }
        let members = try await admin.describeGroup(group).members
        return owners.filter { owner in
            let instance = String(owner.dropFirst(prefix.count))
            return !members.contains {
                $0.clientID.hasSuffix(Self.memberRole(instanceID: instance)) || $0.instanceID == instance
            }
        }.sorted()
    }
}
