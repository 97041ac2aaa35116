import ArgumentParser
import KafkaClient
import Serving

/// One end of a range on a command line: an offset, a time, or an end of the log.
enum OffsetBound: Sendable, Equatable, ExpressibleByArgument, CustomStringConvertible {
    case offset(Int64)
    /// Milliseconds since 1970-01-01 UTC.
    case time(Int64)
    case earliest, latest

    /// Nil for what is none of these; a time without a zone is none, because its zone would be a guess.
    init?(argument: String) {
        switch argument {
        case "earliest": self = .earliest
        case "latest": self = .latest
        default:
            if let offset = Int64(argument), offset >= 0, argument.utf8.first != UInt8(ascii: "+") {
                self = .offset(offset)
            } else if let time = Serving.Timestamp.milliseconds(rfc3339: Array(argument.utf8)) {
                self = .time(time)
            } else {
                return nil
            }
        }
    }

    var description: String {
        switch self {
        case .offset(let offset): "\(offset)"
        case .time(let time): "\(Timestamp(millisecondsSinceEpoch: time))"
        case .earliest: "earliest"
        case .latest: "latest"
        }
    }

    /// The offset in each partition; a time is the first record at or after it, the end where there is none.
    func resolve(
        in kept: [TopicPartition: Range<Int64>], admin: KafkaAdmin
    ) async throws -> [TopicPartition: Int64] {
        switch self {
        case .offset(let offset): return kept.mapValues { _ in offset }
        case .earliest: return kept.mapValues(\.lowerBound)
        case .latest: return kept.mapValues(\.upperBound)
        case .time(let time):
            let found = try await admin.offsets(of: kept.keys.sorted(), at: .timestamp(time))
            var offsets: [TopicPartition: Int64] = [:]
            for (partition, range) in kept { offsets[partition] = (found[partition] ?? nil) ?? range.upperBound }
            return offsets
        }
    }
}
