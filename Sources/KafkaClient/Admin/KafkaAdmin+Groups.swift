/// Consumer groups and what they have committed.
extension KafkaAdmin {
    /// Every consumer group of the cluster, by name.
    ///
    /// - Throws: ``KafkaError``, also when only some of the brokers answered: a list with holes would look complete.
    public func groups() async throws -> [GroupListing] {
        try await blocking { try $0.groups(timeout: $1) }
    }

    /// Deletes groups with everything they have committed. Only groups without members can be deleted.
    ///
    /// - Returns: What became of each group: success, or why it is still there (`isGroupInUse`, `isUnknownGroup`).
    public func deleteGroups(_ names: [String]) async throws -> [String: Result<Void, KafkaError>] {
        guard !names.isEmpty else { return [:] }
        return try await blocking { try $0.deleteGroups(names, timeout: $1) }
    }

    /// Deletes what a group has committed for some partitions, in one request.
    ///
    /// - Returns: What became of each partition: success, or why its offset is still there (`isGroupInUse` while members
    ///   subscribe to the topic).
    /// - Throws: ``KafkaError`` when nothing was deleted: `isUnknownGroup`, `isGroupInUse`, or the brokers failed.
    public func deleteCommittedOffsets(
        ofGroup group: String, partitions: [TopicPartition]
    ) async throws -> [TopicPartition: Result<Void, KafkaError>] {
        guard !partitions.isEmpty else { return [:] }
        return try await blocking { try $0.deleteCommittedOffsets(group: group, partitions, timeout: $1) }
    }

    /// The partitions for which an open transaction holds offsets of the group that are not committed yet. What
    /// ``committedOffsets(ofGroup:partitions:)`` says of them may change when that transaction ends.
    public func partitionsWithPendingOffsets(
        ofGroup group: String, among partitions: [TopicPartition]
    ) async throws -> Set<TopicPartition> {
        guard !partitions.isEmpty else { return [] }
        return try await blocking { try $0.pendingPartitions(group: group, partitions, timeout: $1) }
    }

    /// First and next offset of each partition.
    ///
    /// The partitions must exist: ask ``metadata(topic:)`` first. With ``OffsetIsolation/readUncommitted`` the end is
    /// after the last record, of an open transaction or not; otherwise it is before the first open transaction.
    public func logBounds(of partitions: [TopicPartition]) async throws -> [TopicPartition: LogBounds] {
        guard !partitions.isEmpty else { return [:] }
        return try await blocking { try $0.logBounds(partitions, timeout: $1) }
    }
}
