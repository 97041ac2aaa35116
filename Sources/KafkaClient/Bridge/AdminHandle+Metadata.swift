import CRdKafka

extension AdminHandle {
    func metadata(topic: String?, timeout: Duration) throws -> ClusterMetadata {
        let operation = topic.map { "metadata of \($0)" } ?? "cluster metadata"
        return try client.use(operation) { client in
            let handle = topic.flatMap { rd_kafka_topic_new(client, $0, nil) }
            defer { if let handle { rd_kafka_topic_destroy(handle) } }
            if topic != nil, handle == nil { throw KafkaError(operation, RD_KAFKA_RESP_ERR__INVALID_ARG) }
            var pointer: UnsafePointer<rd_kafka_metadata>?
            try check(
                operation,
                rd_kafka_metadata(client, topic == nil ? 1 : 0, handle, &pointer, timeout.millisecondsForC))
            guard let pointer else { throw KafkaError(operation, RD_KAFKA_RESP_ERR__FAIL) }
            defer { rd_kafka_metadata_destroy(pointer) }
            let clusterID = rd_kafka_clusterid(client, timeout.millisecondsForC)
            defer { if let clusterID { rd_kafka_mem_free(client, clusterID) } }
            let controller = rd_kafka_controllerid(client, timeout.millisecondsForC)
            return ClusterMetadata(
                clusterID: clusterID.map { String(cString: $0) },
                controllerID: controller >= 0 ? controller : nil,
                brokers: Self.brokers(pointer.pointee),
                topics: Self.topics(pointer.pointee))
        }
    }

    private static func brokers(_ metadata: rd_kafka_metadata) -> [ClusterMetadata.Broker] {
        UnsafeBufferPointer(start: metadata.brokers, count: Int(metadata.broker_cnt)).map { broker in
            ClusterMetadata.Broker(
                id: broker.id, host: broker.host.map { String(cString: $0) } ?? "", port: Int(broker.port))
        }
        .sorted { $0.id < $1.id }
    }

    private static func topics(_ metadata: rd_kafka_metadata) -> [String: ClusterMetadata.Topic] {
        var topics: [String: ClusterMetadata.Topic] = [:]
        for topic in UnsafeBufferPointer(start: metadata.topics, count: Int(metadata.topic_cnt)) {
            let name = topic.topic.map { String(cString: $0) } ?? ""
            let partitions = UnsafeBufferPointer(start: topic.partitions, count: Int(topic.partition_cnt))
            topics[name] = ClusterMetadata.Topic(
                name: name,
                partitions: partitions.map { Self.partition($0, of: name) }.sorted { $0.id < $1.id },
                error: topic.err == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError("metadata of \(name)", topic.err))
        }
        return topics
    }

    private static func partition(
        _ partition: rd_kafka_metadata_partition, of topic: String
    ) -> ClusterMetadata.Partition {
        ClusterMetadata.Partition(
            id: partition.id, leader: partition.leader >= 0 ? partition.leader : nil,
            replicas: Array(UnsafeBufferPointer(start: partition.replicas, count: Int(partition.replica_cnt))),
            inSyncReplicas: Array(UnsafeBufferPointer(start: partition.isrs, count: Int(partition.isr_cnt))),
            error: partition.err == RD_KAFKA_RESP_ERR_NO_ERROR
                ? nil : KafkaError("metadata of \(topic)/\(partition.id)", partition.err))
    }

    // MARK: Groups

    func describeGroup(_ group: String, timeout: Duration) throws -> GroupDescription {
        let operation = "describe group \(group)"
        return try client.use(operation) { client in
            let event = try group.withCString { name in
                var names: [UnsafePointer<CChar>?] = [name]
                return try perform(
                    operation, client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout
                ) { options, queue in
                    rd_kafka_DescribeConsumerGroups(client, &names, 1, options, queue)
                }
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            let groups = rd_kafka_DescribeConsumerGroups_result_groups(
                rd_kafka_event_DescribeConsumerGroups_result(event), &count)
            guard count > 0, let description = groups?.pointee else {
                throw KafkaError(operation, RD_KAFKA_RESP_ERR__FAIL)
            }
            // Borrowed: belongs to the event.
            if let error = rd_kafka_ConsumerGroupDescription_error(description),
                rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR
            {
                throw KafkaError(
                    operation, rd_kafka_error_code(error),
                    reason: rd_kafka_error_string(error).map { String(cString: $0) })
            }
            return Self.groupDescription(group, description)
        }
    }

    private static func groupDescription(_ group: String, _ description: OpaquePointer) -> GroupDescription {
        let state = rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(description))
        let members = (0..<rd_kafka_ConsumerGroupDescription_member_count(description)).compactMap { index in
            rd_kafka_ConsumerGroupDescription_member(description, index).map { member in
                GroupDescription.Member(
                    id: string(rd_kafka_MemberDescription_consumer_id(member)),
                    clientID: string(rd_kafka_MemberDescription_client_id(member)),
                    instanceID: rd_kafka_MemberDescription_group_instance_id(member).map { String(cString: $0) },
                    host: string(rd_kafka_MemberDescription_host(member)),
                    partitions: partitions(rd_kafka_MemberDescription_assignment(member)))
            }
        }
        return GroupDescription(
            id: group, state: string(state),
            assignor: string(rd_kafka_ConsumerGroupDescription_partition_assignor(description)), members: members)
    }

    private static func string(_ pointer: UnsafePointer<CChar>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }

    private static func partitions(_ assignment: OpaquePointer?) -> [TopicPartition] {
        guard let assignment, let list = rd_kafka_MemberAssignment_partitions(assignment) else { return [] }
        return PartitionList.topicPartitions(list).sorted()
    }
}
