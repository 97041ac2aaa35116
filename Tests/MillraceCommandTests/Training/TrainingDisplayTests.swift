import Foundation
import Testing
import Training

@testable import MillraceCommand

@Suite struct TrainingDisplayTests {
    /// What a display wrote, and a clock that stands still unless it is moved.
    private final class Screen {
        var text = ""
        var now = ContinuousClock.now

        func display(isInteractive: Bool) -> TrainingDisplay {
            TrainingDisplay(
                isInteractive: isInteractive, usesColor: false, size: { TerminalSize(columns: 60, rows: 20) },
                now: { self.now }, write: { self.text += $0 })
        }
    }

    private func progress(_ epoch: Int, fit: String = "t0-f0", loss: Double, ends: Bool = true) -> TrainingProgress {
        TrainingProgress(
            fit: fit, epoch: epoch, step: epoch + 1, steps: 10, loss: loss,
            record: ends
                ? EpochRecord(
                    epoch: epoch, loss: loss, learningRate: 0.1, validation: [.loss: loss * 2, .accuracy: 1 - loss])
                : nil)
    }

    @Test func `without a terminal an epoch is a line, at most one a second but for the first and the last`() {
        let screen = Screen()
        let display = screen.display(isInteractive: false)
        display.begin("t0-f0", of: 1)
        for epoch in 0..<5 { display.update(progress(epoch, loss: 0.5 / Double(epoch + 1))) }
        display.end("t0-f0", EvaluationReport(rowCount: 3, values: [.accuracy: 0.75]))
        #expect(
            screen.text == """
                t0-f0 epoch 1: loss 0.5000, validation loss 1.0000, validation accuracy 0.5000
                t0-f0 epoch 5: loss 0.1000, validation loss 0.2000, validation accuracy 0.9000
                t0-f0: accuracy 0.7500

                """)
        screen.text = ""
        display.begin("t0-f1", of: 2)
        display.update(progress(0, fit: "t0-f1", loss: 0.5))
        screen.now += .seconds(2)
        display.update(progress(1, fit: "t0-f1", loss: 0.4))
        #expect(screen.text.split(separator: "\n").count == 2)
    }

    @Test func `on a terminal a chart is drawn over the one before`() throws {
        let screen = Screen()
        let display = screen.display(isInteractive: true)
        display.begin("t0-f0", of: 2)
        display.update(progress(0, loss: 0.5))
        let first = screen.text
        let height = first.split(separator: "\n", omittingEmptySubsequences: false).count - 1
        #expect(first.contains("t0-f0 (fit 1 of 2): epoch 1, step 1/10, loss 0.5000"))
        // Too early to draw again.
        display.update(progress(1, loss: 0.4))
        #expect(screen.text == first)
        screen.now += .seconds(1)
        screen.text = ""
        display.update(progress(2, loss: 0.3))
        #expect(screen.text.hasPrefix("\u{1B}[\(height)A"))
        #expect(screen.text.contains("validation loss"))
        #expect(screen.text.contains("accuracy ▁"))
        for line in screen.text.split(separator: "\n") {
            #expect(line.replacing("\u{1B}[2K", with: "").replacing("\u{1B}[\(height)A\r", with: "").count <= 60)
        }
        // A fit that others follow leaves a line.
        screen.text = ""
        display.end("t0-f0", nil)
        #expect(screen.text.contains("\u{1B}[J"))
        #expect(screen.text.hasSuffix("t0-f0 (fit 1 of 2): loss 0.3000\n"))
    }

    @Test func `a history keeps what it can hold`() {
        var history = TrainingHistory()
        for step in 0..<10_000 {
            history.append(TrainingProgress(fit: "t0", epoch: 0, step: step, steps: 10_000, loss: Double(step)))
        }
        #expect(history.losses.count < TrainingHistory.maximumValues)
        #expect(history.losses.count > TrainingHistory.maximumValues / 4)
        #expect(history.losses == history.losses.sorted())
        #expect((history.losses.last ?? 0) > 9_900)
        // What is said twice, by an instance that took over, is kept once.
        history.append(progress(0, loss: 1))
        history.append(progress(0, loss: 2))
        #expect(history.epochs.map(\.loss) == [1])
    }
}

@Suite struct PlotSheetTests {
    private static func epochs(_ count: Int) -> [EpochRecord] {
        (0..<count).map {
            EpochRecord(
                epoch: $0, loss: 1 / Double($0 + 1), learningRate: 0.1, validation: [.loss: 0.5, .accuracy: 0.9])
        }
    }

    @Test func `charts stand below each other`() throws {
        var matrix = ConfusionMatrix(classCount: 2)
        matrix.add(actual: 0, predicted: 1, weight: 3)
        let sheet = PlotSheet(
            title: "a < b", result: .init(name: "t0-f0", epochs: Self.epochs(3)), folds: [], confusion: matrix,
            classNames: ["no", "yes"])
        #expect(sheet.charts.count == 3)
        let svg = SVGStack.svg(sheet.charts, title: "a < b")
        #expect(svg.contains("<title>a &lt; b</title>"))
        #expect(svg.contains("<svg y=\"0.00\""))
        #expect(svg.contains("<svg y=\"416.00\""))
        #expect(svg.contains("<svg y=\"832.00\""))
        #expect(svg.components(separatedBy: "</svg>").count == 5)
    }

    @Test func `folds stand in for a result without rows held out`() {
        let bare = Self.epochs(3).map { EpochRecord(epoch: $0.epoch, loss: $0.loss, learningRate: 0.1) }
        let folds = (0..<3).map { PlotSheet.Curves(name: "t0-f\($0)", epochs: Self.epochs(3)) }
        let sheet = PlotSheet(
            title: "m", result: .init(name: "t0", epochs: bare), folds: folds, confusion: nil, classNames: [])
        let text = sheet.charts.joined()
        for name in ["training", "t0-f0 validation", "t0-f2 validation", "t0-f1 accuracy"] {
            #expect(text.contains(name))
        }
    }

    @Test func `nothing to draw is said`() {
        let sheet = PlotSheet(title: "m", result: nil, folds: [], confusion: nil, classNames: [])
        #expect(throws: CommandFailure.self) { try sheet.write(to: "/nonexistent/m.svg") }
    }
}
