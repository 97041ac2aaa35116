public import Metrics
import Synchronization

/// Keeps what the program counts, and writes it in Prometheus' text format, version 0.0.4.
///
/// Counters stay counters, gauges gauges; recorders and timers, these in seconds, become summaries without quantiles: a count
/// and a sum.
public final class PrometheusMetrics: MetricsFactory {
    /// Series beyond are not kept: labels may come from outside.
    public static let defaultMaximumSeries = 10_000

    private struct Key: Hashable, Comparable {
        let name: String
        /// As it is written, `{end="completed"}`.
        let labels: String

        static func < (left: Key, right: Key) -> Bool { (left.name, left.labels) < (right.name, right.labels) }
    }

    private struct State {
        var series: [Key: MetricSeries] = [:]
        var dropped = 0
    }

    private let maximumSeries: Int
    private let state = Mutex(State())

    public init(maximumSeries: Int = PrometheusMetrics.defaultMaximumSeries) { self.maximumSeries = maximumSeries }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(.counter, label, dimensions)
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        series(aggregate ? .summary : .gauge, label, dimensions)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(.summary, label, dimensions)
    }

    // A series is its name and labels: whoever asks for them again goes on with it.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    /// - Returns: one that nobody reads when there are too many, or the name is another kind's already.
    private func series(_ kind: MetricSeries.Kind, _ name: String, _ dimensions: [(String, String)]) -> MetricSeries {
        let key = Key(name: Self.name(name), labels: Self.labels(dimensions))
        return state.withLock { state in
            if let known = state.series[key] {
                if known.kind == kind { return known }
            } else if state.series.count < maximumSeries {
                let made = MetricSeries(kind)
                state.series[key] = made
                return made
            }
            state.dropped += 1
            return MetricSeries(kind)
        }
    }

    // MARK: Text

    /// All series, by name and labels.
    public var text: String {
        let (series, dropped) = state.withLock { state in
            (state.series.map { (key: $0.key, value: $0.value) }, state.dropped)
        }
        var text = ""
        var name: String?
        for (key, one) in series.sorted(by: { $0.key < $1.key }) {
            if key.name != name { text += "# TYPE \(key.name) \(one.kind.rawValue)\n" }
            name = key.name
            let (count, sum) = one.values
            switch one.kind {
            case .counter, .gauge: text += "\(key.name)\(key.labels) \(Self.number(sum))\n"
            case .summary:
                text += "\(key.name)_count\(key.labels) \(count)\n"
                text += "\(key.name)_sum\(key.labels) \(Self.number(sum))\n"
            }
        }
        text += "# TYPE millrace_metrics_dropped_total counter\nmillrace_metrics_dropped_total \(dropped)\n"
        return text
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        // Counts as counts.
        if let integer = Int64(exactly: value), abs(value) < 0x1p53 { return String(integer) }
        return String(value)
    }

    private static func name(_ text: String) -> String {
        var name = String(
            text.unicodeScalars.map { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "_", ":": Character(scalar)
                default: "_"
                }
            })
        if name.first.map({ ("0"..."9").contains($0) }) ?? true { name = "_" + name }
        return name
    }

    private static func labels(_ dimensions: [(String, String)]) -> String {
        guard !dimensions.isEmpty else { return "" }
        let pairs = dimensions.map { name, value in
            var escaped = ""
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\\": escaped += "\\\\"
                case "\"": escaped += "\\\""
                case "\n": escaped += "\\n"
                default: escaped.unicodeScalars.append(scalar)
                }
            }
            return "\(Self.name(name))=\"\(escaped)\""
        }
        return "{" + pairs.sorted().joined(separator: ",") + "}"
    }
}

/// One name with one set of labels.
final class MetricSeries: CounterHandler, RecorderHandler, TimerHandler {
    enum Kind: String, Sendable {
        case counter, gauge, summary
    }

    private struct State {
        var count = 0
        var sum = 0.0
    }

    let kind: Kind
    private let state = Mutex(State())

    init(_ kind: Kind) { self.kind = kind }

    /// How often it was recorded; of a gauge the sum is its last value.
    var values: (count: Int, sum: Double) { state.withLock { ($0.count, $0.sum) } }

    func increment(by amount: Int64) { add(Double(amount)) }

    func reset() { state.withLock { $0 = State() } }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard kind == .gauge else { return add(value) }
        state.withLock { $0.sum = value }
    }

    func recordNanoseconds(_ duration: Int64) { add(Double(duration) / 1e9) }

    private func add(_ value: Double) {
        state.withLock { state in
            state.count += 1
            state.sum += value
        }
    }
}
