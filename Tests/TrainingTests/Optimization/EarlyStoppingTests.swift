import JSONDocuments
import Testing

@testable import Training

@Suite struct EarlyStoppingTests {
    @Test func stopsAfterPatience() {
        var stopping = EarlyStopping(patience: 2, minimumDelta: 0.1)
        let values = [1.0, 0.95, 0.8, 0.75, .nan]
        let verdicts = values.enumerated().map { stopping.observe($0.element, epoch: $0.offset) }
        #expect(verdicts == [.improved, .waiting, .improved, .waiting, .stop])
        #expect(stopping.best == 0.8)
        #expect(stopping.bestEpoch == 2)
    }

    @Test func maximizes() {
        var stopping = EarlyStopping(monitor: "accuracy", patience: 0, mode: .maximum)
        #expect(stopping.observe(0.5, epoch: 0) == .improved)
        #expect(stopping.observe(0.6, epoch: 1) == .improved)
        #expect(stopping.observe(0.6, epoch: 2) == .stop)
    }

    @Test func resumes() {
        var stopping = EarlyStopping(patience: 3)
        stopping.resume(best: 0.5, bestEpoch: 4, waited: 2)
        #expect(stopping.observe(0.7, epoch: 7) == .stop)
        #expect(stopping.bestEpoch == 4)
    }

    static let monitors: [String: EarlyStopping.Mode] = ["validation_loss": .minimum, "accuracy": .maximum]

    @Test func settings() throws {
        let json: JSONValue = ["monitor": "accuracy", "patience": 7, "min_delta": 0.5, "restore_best": false]
        let stopping = try EarlyStopping(JSONCursor(json), monitors: Self.monitors)
        #expect(
            stopping
                == EarlyStopping(
                    monitor: "accuracy", patience: 7, minimumDelta: 0.5, mode: .maximum, restoresBest: false))
        #expect(try EarlyStopping(JSONCursor([:]), monitors: Self.monitors) == EarlyStopping())
    }

    @Test(arguments: [
        (#"{"monitor": "acuracy"}"#, #"early_stopping.monitor: found "acuracy", expected a measured value, one of"#),
        (#"{"patience": -1}"#, "early_stopping.patience: found -1, expected a whole number from 0"),
        (#"{"mode": "maximum"}"#, #"early_stopping.mode: found "maximum", expected one of min, max"#),
        (#"{"min_dleta": 1}"#, #"early_stopping: unknown member "min_dleta"; did you mean "min_delta"?"#),
    ]) func refusals(_ json: String, _ expected: String) throws {
        let value = try JSONValue(json: json)
        let error = try #require(throws: JSONError.self) {
            _ = try EarlyStopping(JSONCursor(value, path: "early_stopping"), monitors: Self.monitors)
        }
        #expect(error.description.contains(expected), "\(error)")
    }
}
