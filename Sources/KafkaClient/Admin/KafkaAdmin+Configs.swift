/// Configuration and access rules of a cluster, read and never changed.
extension KafkaAdmin {
    /// The properties of topics by name.
    ///
    /// A topic that cannot be described (unknown, not permitted) has its error in its place; only a request that fails
    /// as a whole throws.
    public func configurations(
        ofTopics topics: [String]
    ) async throws -> [String: Result<[String: ConfigurationEntry], KafkaError>] {
        guard !topics.isEmpty else { return [:] }
        return try await blocking { try $0.topicConfigurations(topics, timeout: $1) }
    }

    /// The properties of one topic.
    public func configuration(ofTopic topic: String) async throws -> [String: ConfigurationEntry] {
        let operation = "configuration of topic \(topic)"
        guard let result = try await configurations(ofTopics: [topic])[topic] else {
            throw KafkaError.noAnswer(operation)
        }
        return try result.get()
    }

    /// The properties of one broker, asked of that broker itself.
    public func configuration(ofBroker broker: Int32) async throws -> [String: ConfigurationEntry] {
        try await blocking { try $0.brokerConfiguration(broker, timeout: $1) }
    }

    /// Every access rule of the cluster.
    ///
    /// - Throws: ``KafkaError``: `isSecurityDisabled` of a cluster without an authorizer, where everyone may do
    ///   everything; `isAuthorizationFailure` when the caller may not describe the cluster.
    public func accessRules() async throws -> [AccessRule] {
        try await blocking { try $0.accessRules(timeout: $1) }
    }
}
