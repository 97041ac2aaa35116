import Gateway
import Metrics
import Testing

@Suite struct PrometheusMetricsTests {
    @Test func seriesAreWrittenByNameAndLabels() {
        let metrics = PrometheusMetrics()
        Counter(label: "jobs_total", dimensions: [("end", "failed"), ("code", "A\"\\\n")], factory: metrics).increment()
        for _ in 0..<2 {
            Counter(label: "jobs_total", dimensions: [("end", "completed")], factory: metrics).increment()
        }
        let gauge = Gauge(label: "running.jobs", factory: metrics)
        gauge.record(4)
        gauge.record(0.25)
        let recorder = Recorder(label: "fit_seconds", factory: metrics)
        recorder.record(1.5)
        recorder.record(2)
        Timer(label: "wait_seconds", factory: metrics).recordMilliseconds(250)
        Gauge(label: "undefined", factory: metrics).record(Double.nan)
        #expect(
            metrics.text == #"""
                # TYPE fit_seconds summary
                fit_seconds_count 2
                fit_seconds_sum 3.5
                # TYPE jobs_total counter
                jobs_total{code="A\"\\\n",end="failed"} 1
                jobs_total{end="completed"} 2
                # TYPE running_jobs gauge
                running_jobs 0.25
                # TYPE undefined gauge
                undefined NaN
                # TYPE wait_seconds summary
                wait_seconds_count 1
                wait_seconds_sum 0.25
                # TYPE millrace_metrics_dropped_total counter
                millrace_metrics_dropped_total 0

                """#)
    }

    @Test func seriesHaveALimit() {
        let metrics = PrometheusMetrics(maximumSeries: 2)
        for number in 0..<5 {
            Counter(label: "requests", dimensions: [("model", "\(number)")], factory: metrics).increment()
        }
        #expect(metrics.text.contains(#"requests{model="1"} 1"#))
        #expect(!metrics.text.contains(#"model="2""#))
        #expect(metrics.text.contains("millrace_metrics_dropped_total 3"))
    }

    @Test func theGatewayServesThem() async throws {
        let metrics = PrometheusMetrics()
        Counter(label: "answers_total", factory: metrics).increment(by: 3)
        let answer = try await withGateway(metrics: metrics) { try await LoopbackClient.get("/metrics", port: $0) }
        #expect(answer.status == 200 && answer.body.contains("answers_total 3\n"))
        #expect(answer.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        #expect(try await withGateway { try await LoopbackClient.get("/metrics", port: $0) }.status == 404)
    }
}
