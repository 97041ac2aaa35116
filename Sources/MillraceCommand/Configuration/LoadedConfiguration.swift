import JSONDocuments

/// A configuration without problems, and where each of its values came from.
struct LoadedConfiguration: Sendable {
    let configuration: MillraceConfiguration
    /// In the catalogue's order, secrets redacted.
    let settings: [ConfigurationReader.Setting]

    /// - Parameter layers: highest precedence first.
    /// - Throws: ``ConfigurationError`` with every problem of every layer.
    init(layers: [ConfigurationLayer]) throws(ConfigurationError) {
        var reader = ConfigurationReader(layers: layers)
        let configuration = MillraceConfiguration(reader: &reader)
        // Judging values together is only worth while when each of them is right: a default stands in for a wrong one.
        if reader.problems.isEmpty { configuration.validate(with: &reader) }
        guard reader.problems.isEmpty else { throw ConfigurationError(problems: reader.problems) }
        self.configuration = configuration
        self.settings = reader.settings
    }
}

extension MillraceConfiguration {
    /// Refuses values that are right alone and wrong together.
    fileprivate func validate(with reader: inout ConfigurationReader) {
        if topics.requests.contains(topics.results) {
            reader.refuse(
                ConfigurationKeys.resultTopic.name,
                "found \"\(topics.results)\", which topics.requests lists too: every result would be read as a request")
        }
        for topic in topics.requests {
            let deadLetters = topic + topics.deadLetterSuffix
            if topics.requests.contains(deadLetters) || deadLetters == topics.results {
                reader.refuse(
                    ConfigurationKeys.deadLetterSuffix.name,
                    "the dead letters of \(topic) would go to \(deadLetters), which has another use")
            } else if !isTopic(deadLetters) {
                reader.refuse(
                    ConfigurationKeys.deadLetterSuffix.name,
                    "found \(deadLetters), expected \(ConfigurationValueType.topic.expected)")
            }
        }
        refuseSharedTopics(&reader)
        for topic in bindings.keys.sorted() where !topics.requests.contains(topic) {
            let nearest = NearestName.nearest(to: topic, among: topics.requests).map { "; did you mean \($0)?" } ?? ""
            reader.refuse("bindings.\(topic)", "topics.requests does not list this topic\(nearest)")
        }
        atMost(
            ConfigurationKeys.batchRows, ConfigurationKeys.rowsInFlight, batching.maximumRows,
            pipeline.maximumRowsInFlight, &reader)
        atMost(
            ConfigurationKeys.batchBytes, ConfigurationKeys.bytesInFlight, batching.maximumBytes,
            pipeline.maximumBytesInFlight, &reader)
        atMost(
            ConfigurationKeys.requestBytes, ConfigurationKeys.bytesInFlight, limits.maximumRequestBytes,
            pipeline.maximumBytesInFlight, &reader)
    }

    /// Topics that hold something of their own: the registry, bundles, answers of shadows. Each is of one use only.
    private func refuseSharedTopics(_ reader: inout ConfigurationReader) {
        var uses: [String: String] = [topics.results: ConfigurationKeys.resultTopic.name]
        for topic in topics.requests {
            uses[topic] = ConfigurationKeys.requestTopics.name
            uses[topic + topics.deadLetterSuffix] = "dead letters of \(topic)"
        }
        let claims =
            [
                (topics.models, ConfigurationKeys.modelsTopic.name),
                (topics.artifacts, ConfigurationKeys.artifactsTopic.name),
            ]
            + models.shadowTopics.map { ($0, ConfigurationKeys.shadowTopics.name) }
        for (topic, key) in claims {
            if let other = uses[topic], other != key {
                reader.refuse(key, "found \"\(topic)\", which has another use (\(other)), expected a topic of its own")
            }
            uses[topic] = uses[topic] ?? key
        }
    }

    private func atMost(
        _ key: ConfigurationKey<Int>, _ bound: ConfigurationKey<Int>, _ value: Int, _ limit: Int,
        _ reader: inout ConfigurationReader
    ) {
        guard value > limit else { return }
        reader.refuse(
            key.name,
            "found \(key.type.format(value)), expected at most \(bound.name), \(bound.type.format(limit)) "
                + "(\(reader.source(of: bound.name)))")
    }
}
