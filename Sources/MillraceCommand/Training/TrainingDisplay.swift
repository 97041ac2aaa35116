import Glibc
import Training

/// Shows a training as it goes: on a terminal a chart that is redrawn in place, elsewhere a line for an epoch, at most one a
/// second besides each fit's first and last.
///
///     display.begin("t0-f0", of: 6)
///     display.update(progress)
///     display.end("t0-f0", report)
///     display.finish()
///
/// Fits may run beside each other: the chart is that of the one that was heard of last.
final class TrainingDisplay {
    private static let redrawInterval = Duration.milliseconds(100)
    private static let lineInterval = Duration.seconds(1)

    private let isInteractive: Bool
    private let usesColor: Bool
    private let size: () -> TerminalSize
    private let write: (String) -> Void
    private let now: () -> ContinuousClock.Instant

    private var fit = ""
    /// Fits that have ended.
    private var ended = 0
    private var count: Int?
    private var histories: [String: TrainingHistory] = [:]
    private var last: TrainingProgress?
    private var lastShown: ContinuousClock.Instant?
    /// The last epoch of each fit that has a line.
    private var lastEpochs: [String: Int] = [:]
    /// Lines of the chart that is on the terminal.
    private var drawn = 0

    /// On standard error.
    convenience init() {
        let isColorWanted = getenv("NO_COLOR").map { String(cString: $0).isEmpty } ?? true
        self.init(
            isInteractive: Console.isTerminal(STDERR_FILENO), usesColor: isColorWanted,
            size: { TerminalSize.current(STDERR_FILENO) }, now: { .now },
            write: { Console.write($0, to: STDERR_FILENO) })
    }

    init(
        isInteractive: Bool, usesColor: Bool, size: @escaping () -> TerminalSize,
        now: @escaping () -> ContinuousClock.Instant, write: @escaping (String) -> Void
    ) {
        (self.isInteractive, self.usesColor, self.size) = (isInteractive, usesColor, size)
        (self.now, self.write) = (now, write)
    }

    private var history: TrainingHistory { histories[fit] ?? TrainingHistory() }

    /// - Parameter count: of the fits that are known of; nil when that is not known.
    func begin(_ fit: String, of count: Int? = nil) {
        if let count { self.count = count }
        histories[fit] = TrainingHistory()
        lastEpochs[fit] = nil
        turn(to: fit)
    }

    private func turn(to fit: String) {
        guard fit != self.fit else { return }
        erase()
        (self.fit, last, lastShown) = (fit, nil, nil)
    }

    /// Progress of a fit that was not begun begins it.
    func update(_ progress: TrainingProgress) {
        turn(to: progress.fit)
        histories[progress.fit, default: TrainingHistory()].append(progress)
        last = progress
        let now = self.now()
        if isInteractive {
            if let lastShown, now - lastShown < Self.redrawInterval { return }
            lastShown = now
            draw()
        } else if let record = progress.record {
            if let lastShown, now - lastShown < Self.lineInterval { return }
            lastShown = now
            show(record)
        }
    }

    /// - Parameter report: what the fit is worth; nil when no rows were held out.
    func end(_ fit: String, _ report: EvaluationReport?) {
        let metrics = report.map(\.values) ?? [:]
        var text = Metric.allCases.compactMap { metric in
            metric == .loss || metric == TrainingHistory.headline(metrics)
                ? metrics[metric].map { "\(metric.rawValue) \(MetricText.short($0))" } : nil
        }.joined(separator: ", ")
        if text.isEmpty {
            text = histories[fit]?.epochs.last.map { "loss \(MetricText.short($0.loss))" } ?? "done"
        }
        close(fit, text)
    }

    func end(_ fit: String, failure: String) { close(fit, "failed: \(failure)") }

    private func close(_ fit: String, _ text: String) {
        turn(to: fit)
        if !isInteractive, let record = history.epochs.last, record.epoch != lastEpochs[fit] { show(record) }
        ended += 1
        // The last fit's chart stays.
        if let count, ended >= count { finish() } else { erase() }
        write("\(fit)\(place(ended)): \(text)\n")
        histories[fit] = nil
    }

    /// A line of its own.
    func note(_ text: String) {
        erase()
        write(text + "\n")
    }

    /// Leaves what is on the terminal as it is.
    func finish() {
        if isInteractive, last != nil, drawn > 0 { draw() }
        drawn = 0
    }

    private func place(_ number: Int) -> String {
        guard let count, count > 1 else { return "" }
        return " (fit \(number) of \(max(count, number)))"
    }

    private func show(_ record: EpochRecord) {
        lastEpochs[fit] = record.epoch
        var text = "\(fit) epoch \(record.epoch + 1): loss \(MetricText.short(record.loss))"
        for metric in Metric.allCases {
            guard let value = record.validation[metric] else { continue }
            guard metric == .loss || metric == TrainingHistory.headline(record.validation) else { continue }
            text += ", validation \(metric.rawValue) \(MetricText.short(value))"
        }
        write(text + "\n")
    }

    // MARK: On a terminal

    private func erase() {
        if drawn > 0 { write("\u{1B}[\(drawn)A\u{1B}[J") }
        drawn = 0
    }

    private func draw() {
        let size = self.size()
        let width = max(20, min(size.columns, 100) - 1)
        var lines = [String(heading.prefix(width))]
        lines += TerminalChart.lines(
            series, width: width, height: min(12, max(4, size.rows - 6)), usesColor: usesColor)
        if let metric = history.epochs.last.flatMap({ TrainingHistory.headline($0.validation) }) {
            let values = history.epochs.map { $0.validation[metric] ?? .nan }
            let name = "\(metric.rawValue) "
            let value = MetricText.short(values.last ?? .nan)
            let room = width - name.count - value.count - 1
            if room > 0 { lines.append("\(name)\(TerminalChart.sparkline(values, width: min(60, room))) \(value)") }
        }
        let up = drawn > 0 ? "\u{1B}[\(drawn)A\r" : ""
        write(up + lines.map { "\u{1B}[2K\($0)\n" }.joined() + "\u{1B}[J")
        drawn = lines.count
    }

    /// By epoch once there are some, by step before.
    private var series: [TerminalChart.Series] {
        guard history.epochs.count > 1 else { return [.init("loss", history.losses)] }
        var series = [TerminalChart.Series("loss", history.epochs.map(\.loss))]
        if history.epochs.contains(where: { $0.validation[.loss] != nil }) {
            series.append(.init("validation loss", history.epochs.map { $0.validation[.loss] ?? .nan }))
        }
        return series
    }

    private var heading: String {
        let title = fit + place(ended + 1)
        guard let last else { return title }
        let step = last.steps > 0 ? ", step \(last.step)/\(last.steps)" : ""
        return "\(title): epoch \(last.epoch + 1)\(step), loss \(MetricText.short(last.loss))"
    }
}
