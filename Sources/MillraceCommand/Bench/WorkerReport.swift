import FoundationEssentials
import Glibc
import JSONDocuments

/// What a benchmark's worker process found out about itself.
struct WorkerReport {
    /// The state at one moment.
    struct Mark {
        /// Since the process was started.
        var seconds = 0.0
        /// Processor time of all threads so far, user and system.
        var processorSeconds = 0.0
        /// Requests answered and published so far.
        var published = 0
    }

    /// When the first set was published.
    var first = Mark()
    /// When the last set was published.
    var last = Mark()
    /// Transactions, or acknowledged sets.
    var publications = 0
    var redone = 0
    var batchSizes: [Int: Int] = [:]
    var peakBytes = 0

    init() {}

    init(reading cursor: JSONCursor) throws(JSONError) {
        first = try Self.mark(cursor.member("first"))
        last = try Self.mark(cursor.member("last"))
        publications = try cursor.member("publications").integer()
        redone = try cursor.member("redone").integer()
        peakBytes = try cursor.member("peak_bytes").integer()
        for pair in try cursor.member("batch_sizes").members() {
            batchSizes[Int(pair.key) ?? 0] = try pair.value.integer()
        }
    }

    var document: JSONValue {
        .object([
            "first": Self.document(first), "last": Self.document(last), "publications": .integer(Int64(publications)),
            "redone": .integer(Int64(redone)), "peak_bytes": .integer(Int64(peakBytes)),
            "batch_sizes": .object(
                Dictionary(uniqueKeysWithValues: batchSizes.map { (String($0.key), .integer(Int64($0.value))) })),
        ])
    }

    private static func mark(_ cursor: JSONCursor) throws(JSONError) -> Mark {
        Mark(
            seconds: try cursor.member("seconds").number(),
            processorSeconds: try cursor.member("processor_seconds").number(),
            published: try cursor.member("published").integer())
    }

    private static func document(_ mark: Mark) -> JSONValue {
        .object([
            "seconds": .real(mark.seconds), "processor_seconds": .real(mark.processorSeconds),
            "published": .integer(Int64(mark.published)),
        ])
    }
}

/// What this process has used.
enum ProcessUsage {
    /// Seconds on a clock that all processes of the machine share.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Processor time of all threads, user and system.
    static func processorSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// The most memory that was resident. Not `ru_maxrss`: that one is inherited from the starting process.
    static func peakBytes() -> Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
        for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
            return (Int(line.filter(\.isNumber)) ?? 0) * 1024
        }
        return 0
    }
}
