import CRdKafka
import Glibc

/// `RD_KAFKA_PARTITION_UA`: any partition, or none.
let unassignedPartition: Int32 = -1

/// For blocking threads only.
func sleepBlocking(_ duration: Duration) {
    usleep(UInt32(clamping: duration.wholeMilliseconds) &* 1000)
}

func queryWatermarks(
    _ client: OpaquePointer, _ partition: TopicPartition, timeout: Duration
) throws -> (low: Int64, high: Int64) {
    var low: Int64 = 0
    var high: Int64 = 0
    try check(
        "watermarks of \(partition)",
        rd_kafka_query_watermark_offsets(
            client, partition.topic, partition.partition, &low, &high, timeout.millisecondsForC))
    return (low, high)
}
