import KafkaClient
import Testing

@Suite struct AdminConfigurationTests {
    private static func withAdmin<Value>(
        timeout: Duration = .seconds(10), _ body: (KafkaAdmin) async throws -> Value
    ) async throws -> Value {
        let admin = try KafkaAdmin(TestBroker.configuration(), timeout: timeout, logger: TestBroker.logger)
        let result: Result<Value, any Error>
        do { result = .success(try await body(admin)) } catch { result = .failure(error) }
        await admin.close()
        return try result.get()
    }

    @Test(.disabled(if: TestBroker.isEmbedded, "the embedded cluster answers no admin calls"))
    func topicsSayWhatIsSetAndWhatIsDefault() async throws {
        let name = TestBroker.uniqueName("configured")
        let missing = TestBroker.uniqueName("missing")
        try await Self.withAdmin { admin in
            try await admin.createTopics([
                NewTopic(
                    name: name, partitions: 1, replicationFactor: 1,
                    configuration: ["cleanup.policy": "compact", "max.message.bytes": "2000000"])
            ])
            let found = try await admin.configurations(ofTopics: [name, missing, name])
            #expect(found.count == 2)
            let entries = try #require(try found[name]?.get())
            #expect(entries["cleanup.policy"]?.value == "compact")
            #expect(entries["cleanup.policy"]?.source == .topic)
            #expect(entries["max.message.bytes"]?.value == "2000000")
            #expect(entries["segment.index.bytes"]?.source == .byDefault)
            #expect(entries["cleanup.policy"]?.isSensitive == false)
            let failure = #expect(throws: KafkaError.self) { try found[missing]?.get() }
            #expect(failure?.isUnknownTopicOrPartition == true)
            #expect(failure?.operation.contains(missing) == true)
            #expect(try await admin.configuration(ofTopic: name) == entries)
            #expect(try await admin.configurations(ofTopics: []).isEmpty)
            try await admin.deleteTopics([name])
        }
    }

    @Test(.disabled(if: TestBroker.isEmbedded, "the embedded cluster answers no admin calls"))
    func aBrokerSaysItsLimits() async throws {
        try await Self.withAdmin { admin in
            let broker = try #require(try await admin.metadata().brokers.first)
            let entries = try await admin.configuration(ofBroker: broker.id)
            let limit = try #require(entries["transaction.max.timeout.ms"]?.value)
            #expect(try #require(Int(limit)) > 0)
            #expect(entries["message.max.bytes"]?.value.flatMap { Int($0) } != nil)
        }
    }

    @Test(.disabled(if: TestBroker.isEmbedded, "the embedded cluster answers no admin calls"))
    func accessRulesAreReadOrTheClusterHasNoAuthorizer() async throws {
        try await Self.withAdmin { admin in
            do {
                _ = try await admin.accessRules()
            } catch let error as KafkaError {
                #expect(error.isSecurityDisabled || error.isAuthorizationFailure, "\(error)")
            }
        }
    }

    @Test(.enabled(if: TestBroker.isEmbedded)) func anUnsupportedDescriptionIsAnErrorInTime() async throws {
        try await Self.withAdmin(timeout: .milliseconds(300)) { admin in
            let error = await #expect(throws: KafkaError.self) { try await admin.configuration(ofTopic: "any") }
            #expect(error?.isUnsupported == true || error?.isTimeout == true, "\(String(describing: error))")
            let rules = await #expect(throws: KafkaError.self) { try await admin.accessRules() }
            #expect(rules?.isUnsupported == true || rules?.isTimeout == true, "\(String(describing: rules))")
        }
    }

    @Test func aRuleCoversItsNameItsPrefixOrEverything() {
        func rule(_ name: String, _ pattern: AccessRule.Pattern) -> AccessRule {
            AccessRule(
                resource: .topic, name: name, pattern: pattern, principal: "User:a", host: "*", operation: "Read",
                isAllowing: true)
        }
        #expect(rule("requests", .literal).covers(.topic, named: "requests"))
        #expect(!rule("requests", .literal).covers(.topic, named: "requests-2"))
        #expect(!rule("requests", .literal).covers(.group, named: "requests"))
        #expect(rule("req", .prefixed).covers(.topic, named: "requests"))
        #expect(!rule("res", .prefixed).covers(.topic, named: "requests"))
        #expect(rule("*", .literal).covers(.topic, named: "requests"))
        #expect(!rule("*", .prefixed).covers(.topic, named: "requests"))
    }
}
