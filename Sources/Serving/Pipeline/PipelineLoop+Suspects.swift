import DequeModule
import KafkaClient
import Logging

// Records over which an earlier process died.
extension PipelineLoop {
    /// Answers a record that has killed the process too often; a suspect that has not is marked to run alone.
    mutating func isGivenUp(_ record: KafkaRecord, _ ticket: Ticket) -> Bool {
        guard let suspect = suspects[record.position] else { return false }
        // The first death may have been in company; then it does not count.
        guard suspect.lonelyDeaths >= max(1, pipeline.configuration.maximumDeaths - 1) else {
            loners.insert(ticket)
            return false
        }
        pipeline.logger.error(
            "record given up: it ended the process",
            metadata: [
                "record": "\(record.topicPartition)/\(record.offset)", "lonelyDeaths": "\(suspect.lonelyDeaths)",
            ])
        let error = RequestError(
            .internal,
            "the process died \(suspect.lonelyDeaths) times while it worked on this record alone; it is not tried again",
            isAttributable: false)
        pipeline.statistics.countAnswers(1, errors: 1)
        state.answer(ticket, with: pipeline.jobs.encoder.failure(error, record: record))
        return true
    }

    /// The next records to decode together; a suspect goes alone.
    mutating func nextChunk() -> [(ticket: Ticket, record: KafkaRecord)] {
        var chunk: [(ticket: Ticket, record: KafkaRecord)] = []
        while chunk.count < Self.decodeChunk, let next = undecoded.first {
            let isLoner = loners.contains(next.ticket)
            if isLoner, !chunk.isEmpty { break }
            chunk.append(next)
            undecoded.removeFirst()
            if isLoner { break }
        }
        return chunk
    }

    /// What is published does not kill any more.
    mutating func absolveSuspects(before offsets: [TopicPartition: Int64]) {
        guard !suspects.isEmpty else { return }
        let absolved = suspects.keys.filter { $0.offset < offsets[$0.topicPartition] ?? .min }
        guard !absolved.isEmpty else { return }
        for position in absolved { suspects[position] = nil }
        pipeline.journal?.absolve(absolved)
    }
}

extension KafkaRecord {
    var position: RecordPosition { RecordPosition(topicPartition, offset: offset) }
}
