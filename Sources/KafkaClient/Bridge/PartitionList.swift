import CRdKafka
import Glibc

/// Owns one `rd_kafka_topic_partition_list_t`.
final class PartitionList {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(consuming pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) {
        self.pointer = pointer
    }

    /// - Throws: ``KafkaError`` naming the partition when an offset is negative: those mean something else to librdkafka.
    convenience init(_ operation: String, _ offsets: some Sequence<(TopicPartition, Int64?)>) throws {
        // Never nil: librdkafka aborts when it is out of memory.
        guard let pointer = rd_kafka_topic_partition_list_new(0) else {
            throw KafkaError(operation, RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
        }
        self.init(consuming: pointer)
        for (topicPartition, offset) in offsets {
            if let offset, offset < 0 {
                throw KafkaError.local(
                    "\(operation) \(topicPartition)", RD_KAFKA_RESP_ERR__INVALID_ARG,
                    "offset \(offset) is negative")
            }
            guard topicPartition.partition >= 0 else {
                throw KafkaError.local(
                    "\(operation) \(topicPartition)", RD_KAFKA_RESP_ERR__INVALID_ARG, "the partition is negative")
            }
            rd_kafka_topic_partition_list_add(pointer, topicPartition.topic, topicPartition.partition).pointee
                .offset = offset ?? Int64(RD_KAFKA_OFFSET_INVALID)
        }
    }

    convenience init(_ operation: String, partitions: some Sequence<TopicPartition>) throws {
        try self.init(operation, partitions.map { ($0, nil) })
    }

    deinit { rd_kafka_topic_partition_list_destroy(pointer) }

    var topicPartitions: [TopicPartition] { Self.topicPartitions(pointer) }

    static func topicPartitions(
        _ pointer: UnsafePointer<rd_kafka_topic_partition_list_t>
    ) -> [TopicPartition] {
        elements(pointer).map(\.topicPartition)
    }

    static func elements(
        _ pointer: UnsafePointer<rd_kafka_topic_partition_list_t>
    ) -> UnsafeMutableBufferPointer<rd_kafka_topic_partition_t> {
        UnsafeMutableBufferPointer(start: pointer.pointee.elems, count: Int(max(pointer.pointee.cnt, 0)))
    }

    /// Leaves a text beside each offset.
    func setMetadata(_ text: String) {
        for index in 0..<Int(max(pointer.pointee.cnt, 0)) {
            // Freed with the list.
            pointer.pointee.elems[index].metadata = UnsafeMutableRawPointer(strdup(text))
            pointer.pointee.elems[index].metadata_size = strlen(text)
        }
    }

    /// The offset of each partition, `nil` where there is none.
    ///
    /// - Throws: the first partition's error.
    func offsets(_ operation: String) throws -> [TopicPartition: Int64?] {
        try checkElements(operation)
        var offsets: [TopicPartition: Int64?] = [:]
        for element in Self.elements(pointer) {
            offsets.updateValue(element.offset >= 0 ? element.offset : nil, forKey: element.topicPartition)
        }
        return offsets
    }

    /// - Throws: the first partition's error.
    func checkElements(_ operation: String) throws {
        for element in Self.elements(pointer) where element.err != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaError("\(operation) \(element.topicPartition)", element.err)
        }
    }
}

extension rd_kafka_topic_partition_t {
    var topicPartition: TopicPartition {
        TopicPartition(topic: topic.map { String(cString: $0) } ?? "", partition: partition)
    }
}

/// Throws unless the call succeeded.
func check(_ operation: @autoclosure () -> String, _ code: rd_kafka_resp_err_t) throws {
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(operation(), code) }
}

/// Throws, and destroys the error object, unless the call succeeded.
func check(_ operation: @autoclosure () -> String, _ error: OpaquePointer?) throws {
    if let error { throw KafkaError(operation(), consuming: error) }
}
