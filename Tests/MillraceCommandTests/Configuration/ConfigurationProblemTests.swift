import Testing

@testable import MillraceCommand

@Suite struct ConfigurationProblemTests {
    @Test func `an unknown key names the nearest`() {
        #expect(
            problems(yaml: "topics:\n  request: a\n") == [
                "topics.request (millrace.yaml:2): unknown; did you mean topics.requests?"
            ])
        #expect(
            problems(yaml: "batchin:\n  maximum-rows: 1\n  maximum-delay: 1ms\n") == [
                "batchin (millrace.yaml:1): unknown; did you mean batching?"
            ])
        #expect(
            problems(environment: ["MILLRACE_GATEWAY_PROT": "1"]) == [
                "MILLRACE_GATEWAY_PROT (environment): unknown; did you mean MILLRACE_GATEWAY_PORT?"
            ])
        #expect(
            problems(flags: [("logging.levle", "info")]) == [
                "logging.levle (--set): unknown; did you mean logging.level?"
            ])
        #expect(
            problems(yaml: "zzzzzzzzzzzzzzzzzzzz: 1") == [
                "zzzzzzzzzzzzzzzzzzzz (millrace.yaml:1): unknown; `millrace config show` lists the known ones"
            ])
    }

    @Test func `a wrong value names key, place, found and expected`() {
        #expect(
            problems(yaml: "gateway:\n  port: eighty\n") == [
                "gateway.port (millrace.yaml:2): found \"eighty\", expected an integer from 0 to 65535"
            ])
        #expect(
            problems(environment: ["MILLRACE_GATEWAY_PORT": "70000"]) == [
                "gateway.port (MILLRACE_GATEWAY_PORT): found \"70000\", expected an integer from 0 to 65535"
            ])
        #expect(
            problems(flags: [("topics.create", "perhaps")]) == [
                "topics.create (--set): found \"perhaps\", expected true or false"
            ])
        #expect(
            problems(yaml: "gateway: {port: [1, 2]}") == [
                "gateway.port (millrace.yaml:1): found the list [1, 2], expected an integer from 0 to 65535"
            ])
        #expect(
            problems(yaml: "gateway:\n  port:\n") == [
                "gateway.port (millrace.yaml:2): found nothing, expected an integer from 0 to 65535"
            ])
        #expect(
            problems(yaml: "gateway:\n  port: {a: 1}\n") == [
                "gateway.port (millrace.yaml:2): found a mapping, expected a single value or list"
            ])
        #expect(
            problems(yaml: "gateway: 5") == ["gateway (millrace.yaml:1): found a single value, expected a mapping"])
    }

    @Test(arguments: [
        ("application-id", "a b"), ("kafka.bootstrap-servers", "localhost"), ("kafka.bootstrap-servers", "a:0"),
        ("topics.requests", "a,a"), ("topics.requests", "a/b"), ("topics.results", ".."),
        ("batching.maximum-rows", "0"), ("batching.maximum-rows", "1.5"), ("batching.maximum-delay", "2"),
        ("batching.maximum-delay", "11s"), ("batching.maximum-bytes", "8 miles"), ("limits.maximum-inputs", "-1"),
        ("batching.maximum-bytes", "99999999999999999999"), ("models.preload", "a@b@c"), ("logging.level", "loud"),
        ("logging.format", "xml"), ("pipeline.threads", "9223372036854775808"),
    ])
    func `values out of range are refused`(key: String, value: String) {
        let found = problems(flags: [(key, value)])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("\(key) (--set): found \"\(value)\", expected ") == true)
    }

    @Test func `an unknown delivery guarantee is refused`() {
        #expect(
            problems(flags: [("delivery", "twice")]) == [
                "delivery (--set): found \"twice\", expected one of exactly-once, at-least-once"
            ])
    }

    @Test(arguments: ["enable.auto.commit", "group.id", "transactional.id", "bootstrap.servers", "isolation.level"])
    func `owned Kafka properties are refused`(property: String) {
        let variable = EnvironmentLayer.variable(forKey: "kafka.properties.\(property)")
        for found in [
            problems(yaml: "kafka:\n  properties:\n    \(property): x\n"), problems(environment: [variable: "x"]),
            problems(flags: [("kafka.properties.\(property)", "x")]),
        ] {
            #expect(found.count == 1)
            #expect(found.first?.contains("kafka.properties.\(property) (") == true)
            #expect(found.first?.contains("may not be set: ") == true)
        }
    }

    @Test func `all problems are reported at once`() {
        let found = problems(
            yaml: "gateway: {port: x, hots: y}", environment: ["MILLRACE_LOGGING_LEVEL": "loud"],
            flags: [("topics.partitions", "0")])
        #expect(found.count == 4)
    }

    @Test func `values that contradict each other are refused`() {
        #expect(problems(flags: [("topics.results", "millrace.requests")]).first?.contains("read as a request") == true)
        #expect(problems(flags: [("topics.results", "millrace.requests-dlt")]).first?.contains("another use") == true)
        for (key, topic, use) in [
            ("topics.models", "millrace.results", "topics.results"),
            ("topics.models", "millrace.requests", "topics.requests"),
            ("topics.models", "millrace.requests-dlt", "dead letters"),
            ("topics.models", "millrace.artifacts", "topics.models"),
            ("topics.artifacts", "millrace.results", "topics.results"),
            ("models.shadow-topics", "millrace.models", "topics.models"),
            ("models.shadow-topics", "millrace.artifacts", "topics.artifacts"),
        ] {
            let found = problems(flags: [(key, topic)])
            #expect(found.count == 1 && found.first?.contains("has another use (\(use)") == true, "\(found)")
        }
        #expect(
            problems(flags: [("bindings.millrace.request", "digits")]) == [
                "bindings.millrace.request (--set): topics.requests does not list this topic; "
                    + "did you mean millrace.requests?"
            ])
        #expect(
            problems(flags: [("batching.maximum-rows", "512"), ("pipeline.maximum-rows-in-flight", "256")]) == [
                "batching.maximum-rows (--set): found 512, expected at most pipeline.maximum-rows-in-flight, 256 (--set)"
            ])
    }

    @Test func `broken files are refused by position`() {
        #expect(problems(yaml: "a: [1\nb: 2").first?.contains("is no valid YAML") == true)
        #expect(problems(yaml: "- a\n- b\n").first?.contains("found a list, expected a mapping") == true)
        #expect(problems(yaml: "gateway: {}\ngateway: {}\n").first?.contains("twice") == true)
        #expect(problems(yaml: "gateway.port: 1\ngateway: {port: 2}\n").first?.contains("given twice") == true)
        #expect(problems(yaml: "topics: {requests: [[a]]}").first?.contains("list of more than plain values") == true)
        #expect(throws: ConfigurationError.self) { try FileLayer.make(yaml: [0xFF, 0xFE, 0xFD], name: "x") }
        let large = [UInt8](repeating: UInt8(ascii: "#"), count: FileLayer.maximumBytes + 1)
        #expect(throws: ConfigurationError.self) { try FileLayer.make(yaml: large, name: "x") }
        let nested = String(repeating: "kafka: {", count: 40) + String(repeating: "}", count: 40)
        #expect(!problems(yaml: nested).isEmpty)
    }

    @Test func `aliases do not unfold without end`() {
        var yaml = "a0: &a0 {x: 1, y: 2}\n"
        for level in 1...30 { yaml += "a\(level): &a\(level) {x: *a\(level - 1), y: *a\(level - 1)}\n" }
        #expect(!problems(yaml: yaml + "kafka: {properties: *a30}\n").isEmpty)
    }
}
