import ArgumentParser
import Logging
import ModelRegistry
import Testing

@testable import MillraceCommand

@Suite struct ConfigurationLoadingTests {
    @Test func `defaults`() throws {
        let configuration = try load().configuration
        #expect(configuration.applicationID == "millrace")
        #expect(!configuration.instanceID.isEmpty)
        #expect(configuration.kafka.bootstrapServers == ["localhost:9092"])
        #expect(configuration.topics.requests == ["millrace.requests"])
        #expect(configuration.models.preload == .all)
        #expect(configuration.batching.maximumBytes == 8_388_608)
        #expect(configuration.batching.maximumDelay == .zero)
        #expect(configuration.delivery == .exactlyOnce)
        #expect(configuration.pipeline.threads >= 1)
        #expect(configuration.logging.level == .info)
    }

    @Test func `flags win over variables, variables over the file, the file over defaults`() throws {
        let yaml = "batching:\n  maximum-rows: 1\n  maximum-delay: 3ms\ngateway: {port: 1, host: '::1'}\n"
        let loaded = try load(
            yaml: yaml, environment: ["MILLRACE_BATCHING_MAXIMUM_ROWS": "2", "MILLRACE_GATEWAY_PORT": "2"],
            flags: [("gateway.port", "3")])
        #expect(loaded.configuration.gateway.port == 3)
        #expect(loaded.configuration.batching.maximumRows == 2)
        #expect(loaded.configuration.batching.maximumDelay == .milliseconds(3))
        #expect(loaded.configuration.gateway.host == "::1")
        #expect(loaded.source(of: "gateway.port") == "--set")
        #expect(loaded.source(of: "batching.maximum-rows") == "MILLRACE_BATCHING_MAXIMUM_ROWS")
        #expect(loaded.source(of: "batching.maximum-delay") == "millrace.yaml:3")
        #expect(loaded.source(of: "topics.results") == "default")
    }

    @Test func `every key can be given as a variable`() throws {
        let given: [String: String] = Dictionary(
            uniqueKeysWithValues: try load().settings.map { (EnvironmentLayer.variable(forKey: $0.key), $0.value) })
        let loaded = try load(environment: given)
        #expect(loaded.configuration == (try load().configuration))
        for setting in loaded.settings {
            #expect(setting.source == EnvironmentLayer.variable(forKey: setting.key))
        }
    }

    @Test func `lists take a list, one value, or commas`() throws {
        for yaml in [
            "topics: {requests: [a, b]}", "topics:\n  requests: a,b\n", "topics:\n  requests:\n  - a\n  - b\n",
        ] {
            #expect(try load(yaml: yaml).configuration.topics.requests == ["a", "b"])
        }
        #expect(try load(yaml: "topics: {requests: a}").configuration.topics.requests == ["a"])
        let environment = ["MILLRACE_KAFKA_BOOTSTRAP_SERVERS": "one:9092, [::1]:9093"]
        #expect(try load(environment: environment).configuration.kafka.bootstrapServers == ["one:9092", "[::1]:9093"])
    }

    @Test func `mappings merge entry by entry`() throws {
        let loaded = try load(
            yaml: """
                topics: {requests: [a, b.c]}
                bindings: {a: digits, b.c: digits@2}
                kafka: {properties: {fetch.wait.max.ms: 10, sasl.username: u}}
                """,
            environment: [
                "MILLRACE_BINDINGS": "b.c=other@canary", "MILLRACE_KAFKA_PROPERTIES_FETCH_WAIT_MAX_MS": "20",
            ],
            flags: [("kafka.properties.linger.ms", "5")])
        #expect(
            loaded.configuration.bindings == [
                "a": ModelReference(name: "digits"),
                "b.c": ModelReference(name: "other", version: .alias("canary")),
            ])
        #expect(
            loaded.configuration.kafka.properties == [
                "fetch.wait.max.ms": "20", "sasl.username": "u", "linger.ms": "5",
            ])
        #expect(loaded.source(of: "bindings.b.c") == "MILLRACE_BINDINGS")
        #expect(loaded.source(of: "bindings.a") == "millrace.yaml:2")
    }

    @Test func `models to preload`() throws {
        #expect(try load(yaml: "models: {preload: []}").configuration.models.preload == .only([]))
        #expect(
            try load(yaml: "models: {preload: [a, b@3]}").configuration.models.preload
                == .only([ModelReference(name: "a"), ModelReference(name: "b", version: .number(3))]))
    }

    @Test func `empty files, sections and variables give nothing`() throws {
        let expected = try load().configuration
        for yaml in ["", "# nothing\n", "---\n", "kafka:\ntopics:\n", "{}"] {
            #expect(try load(yaml: yaml).configuration == expected, "\(yaml)")
        }
        #expect(try load(environment: ["MILLRACE_GATEWAY_PORT": ""]).configuration == expected)
    }

    @Test func `variables that orchestrators and tests set are left alone`() throws {
        let environment = [
            "MILLRACE_CONFIG": "x", "MILLRACE_PYTHON": "python3", "MILLRACE_TEST_BOOTSTRAP": "b:1",
            "MILLRACE_SERVICE_HOST": "10.0.0.1", "MILLRACE_SERVICE_PORT_HTTP": "80",
            "MILLRACE_PORT": "tcp://10.0.0.1:80",
            "MILLRACE_PORT_8080_TCP": "tcp://10.0.0.1:80", "MILLRACE_PORT_8080_TCP_ADDR": "10.0.0.1", "MILLRACES": "x",
        ]
        #expect(try load(environment: environment).configuration == load().configuration)
    }

    @Test func `the file is the one named, else the variable's`() throws {
        let options = try ConfigurationOptions.parse(["--config", "a.yaml"])
        #expect(options.filePath(["MILLRACE_CONFIG": "b.yaml"]) == "a.yaml")
        #expect(try ConfigurationOptions.parse([]).filePath(["MILLRACE_CONFIG": "b.yaml"]) == "b.yaml")
        #expect(throws: ConfigurationError.self) { try options.load(environment: [:]) }
    }

    @Test func `named flags are shorthands`() throws {
        let options = try ConfigurationOptions.parse([
            "--bootstrap-servers", "a:1,b:2", "--log-level", "trace", "--log-format", "json", "--set", "gateway.port=0",
            "--set", "gateway.port=7",
        ])
        let loaded = try options.load(environment: ["MILLRACE_LOGGING_LEVEL": "error"])
        #expect(loaded.configuration.kafka.bootstrapServers == ["a:1", "b:2"])
        #expect(loaded.configuration.logging == .init(level: .trace, format: .json))
        #expect(loaded.configuration.gateway.port == 7)
        #expect(loaded.source(of: "logging.level") == "--log-level")
    }
}
