import Foundation
import MetricsTestKit
import ModelRegistry
import Serving
import TestSupport
import Testing
import Training

@Suite struct TrainingMetricsTests {
    private static let operations = JSONSchemaValidator.schemas.deletingLastPathComponent()
        .appendingPathComponent("docs/operations.md")

    @Test func everyMetricHasItsNameAndIsDocumented() throws {
        let factory = TestMetrics()
        let metrics = TrainingMetrics(factory: factory)
        metrics.jobs(running: 2)
        metrics.waiting(requests: 3)
        metrics.waiting(tasks: 4)
        metrics.jobEnded(.completed)
        metrics.jobEnded(.completed)
        metrics.jobEnded(.failed(.diverged))
        metrics.jobEnded(.cancelled)
        metrics.published(.init(name: "points", number: 7))
        metrics.trained(rows: 16, endsEpoch: false)
        metrics.trained(rows: 4, endsEpoch: true)
        metrics.wroteCheckpoint()
        metrics.fit { #expect(metrics.running.jobs == 2 && metrics.running.fits == 1) }
        #expect(throws: TrainingFailure.self) { try metrics.fit { throw TrainingFailure(.diverged, "") } }
        #expect(throws: JobStop.self) { try metrics.fit { throw JobStop.abandoned } }
        #expect(metrics.running.fits == 0)

        let name = { "millrace_training_" + $0 }
        #expect(try factory.expectCounter(name("jobs_total"), [("end", "completed")]).totalValue == 2)
        #expect(
            try factory.expectCounter(name("jobs_total"), [("end", "failed"), ("code", "DIVERGED")]).totalValue == 1)
        #expect(try factory.expectCounter(name("jobs_total"), [("end", "cancelled")]).totalValue == 1)
        let gauges: [(String, Double)] = [
            ("running_jobs", 2), ("running_fits", 0), ("waiting_requests", 3), ("waiting_tasks", 4),
        ]
        for (gauge, value) in gauges { #expect(try factory.expectGauge(name(gauge)).lastValue == value, "\(gauge)") }
        #expect(try factory.expectGauge(name("last_version"), [("model", "points")]).lastValue == 7)
        let counters: [(String, Int64)] = [
            ("samples_total", 20), ("epochs_total", 1), ("checkpoint_writes_total", 1), ("failed_fits_total", 1),
        ]
        for (counter, value) in counters {
            #expect(try factory.expectCounter(name(counter)).totalValue == value, "\(counter)")
        }
        #expect(try factory.expectRecorder(name("fit_seconds")).values.count == 3)

        let page = try String(contentsOf: Self.operations, encoding: .utf8)
        for documented in gauges.map(\.0) + counters.map(\.0) + ["jobs_total", "last_version", "fit_seconds"] {
            #expect(page.contains("`\(name(documented))`"), "\(documented)")
        }
    }
}
