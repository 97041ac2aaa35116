import KafkaClient
import Training

/// Reads the records that a version was trained on: the same offsets, in the same order.
enum TopicRows {
    /// Partition by partition, each in the order of its offsets.
    /// - Parameter ranges: by partition, as the lineage has them.
    /// - Throws: ``RangeError/outsideLog(_:requested:kept:)`` when the log does not hold them any more; ``DataError``;
    ///   ``CommandFailure`` when the lineage has no offsets of the topic.
    static func read(
        _ spec: DatasetSpec, _ range: TopicRange, _ ranges: [Int32: Range<Int64>]?,
        _ options: ConfigurationOptions
    ) async throws -> any Dataset {
        guard let partitions = ranges, !partitions.isEmpty else {
            throw CommandFailure(
                .usage, "manifest.json: training.dataset.ranges: found no offsets of the topic \"\(range.topic)\"")
        }
        return try await ClusterTool.with(options, role: "train") { tool in
            let spill = try SpillFile()
            defer { spill.remove() }
            let decoder = RecordDecoder(spec.schema)
            let collector = DatasetCollector(spec.schema, spillPath: spill.path)
            var poison = PoisonRecords(spec.poison)
            var progress = ProgressBar("reading \(range.topic)", total: partitions.values.reduce(0) { $0 + $1.count })
            var done = 0
            let reader = try tool.makeReader()
            let result: Result<any Dataset, any Error>
            do {
                for (partition, offsets) in partitions.sorted(by: { $0.key < $1.key }) {
                    try await reader.start([TopicPartition(topic: range.topic, partition: partition): offsets])
                    while let records = try await reader.next() {
                        for record in records {
                            do throws(DataError) {
                                let place = Provenance.record(partition: partition, offset: record.offset)
                                guard let value = record.value else {
                                    throw DataError(.missing, at: place.description, "found no value")
                                }
                                try collector.append(try decoder.decode(value, provenance: place))
                            } catch {
                                try poison.record(error)
                            }
                        }
                        done += records.count
                        progress.update(done)
                    }
                }
                result = .success(try collector.finish())
            } catch {
                result = .failure(error)
            }
            progress.finish()
            await reader.close()
            return try result.get()
        }
    }
}
