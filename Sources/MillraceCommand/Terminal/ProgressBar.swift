import Glibc

/// A line on standard error that shows how far long work has come; silent when that is not a terminal.
struct ProgressBar {
    private static let width = 30
    private static let interval = Duration.milliseconds(80)

    private let label: String
    private let total: Int
    private let isShown: Bool
    private let started = ContinuousClock.now
    private var lastDrawn: ContinuousClock.Instant?

    init(_ label: String, total: Int) {
        self.label = label
        self.total = max(1, total)
        self.isShown = Console.isTerminal(STDERR_FILENO)
    }

    mutating func update(_ done: Int) {
        guard isShown else { return }
        let now = ContinuousClock.now
        if let lastDrawn, now - lastDrawn < Self.interval, done < total { return }
        lastDrawn = now
        let filled = Self.width * min(done, total) / total
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
        let seconds = (now - started) / .seconds(1)
        let rate = seconds > 0 ? Int(Double(done) / seconds) : 0
        let remaining = rate > 0 && done < total ? ", \((total - done) / rate) s left" : ""
        Console.write("\r\u{1B}[2K\(label) \(bar) \(done)/\(total) (\(rate)/s\(remaining))", to: STDERR_FILENO)
    }

    func finish() {
        if isShown, lastDrawn != nil { Console.write("\n", to: STDERR_FILENO) }
    }
}
