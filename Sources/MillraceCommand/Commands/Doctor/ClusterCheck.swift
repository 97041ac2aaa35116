import KafkaClient
import ModelRegistry
import Serving

/// Asks the cluster everything that the checks look at.
struct ClusterCheck {
    /// A clock that is this far ahead is wrong and not only unequal.
    private static let clockTolerance: Int64 = 2000

    private let tool: ClusterTool
    private var configuration: MillraceConfiguration { tool.configuration }

    init(_ tool: ClusterTool) { self.tool = tool }

    func findings() async -> [Finding] {
        let metadata: ClusterMetadata
        do {
            metadata = try await tool.admin.metadata()
        } catch {
            return unreachable(error)
        }
        var findings = [client(isRefused: false)]
        findings += await brokers(metadata)
        findings += await topics(metadata)
        findings += await registry(metadata)
        findings += await access()
        findings += await group(configuration.applicationID, configuration.topics.requests, metadata)
        if let training {
            findings += await group(training.requestGroup, [training.requestTopic], metadata)
            findings += await group(training.taskGroup, [training.taskTopic], metadata)
        }
        findings.append(await clock(metadata))
        return findings
    }

    // MARK: Brokers

    private func client(isRefused: Bool) -> Finding {
        let properties = configuration.kafka.properties
        return BrokerCheck.client(
            mechanism: properties["sasl.mechanism"] ?? properties["sasl.mechanisms"], isRefused: isRefused,
            version: LibrdkafkaVersion.description, repeatsNonce: LibrdkafkaVersion.repeatsSCRAMNonce)
    }

    private func unreachable(_ error: any Error) -> [Finding] {
        let kafka = error as? KafkaError
        // A refused login shows as a connection that never comes about.
        let usesLogin = configuration.kafka.properties.keys.contains { $0.hasPrefix("sasl.") }
        return [
            Finding(
                .error, "brokers", "\(configuration.bootstrapServers): \(error)", expected: "an answer",
                fix: kafka?.isAuthenticationFailure == true
                    ? "correct kafka.properties.sasl.*"
                    : "check kafka.bootstrap-servers, the network, and the listener's security.protocol; "
                        + "--log-level debug shows the client library's attempts"),
            client(isRefused: usesLogin),
        ]
    }

    private func brokers(_ metadata: ClusterMetadata) async -> [Finding] {
        let check = BrokerCheck(transactionTimeout: .seconds(30))
        var findings: [Finding] = []
        for broker in metadata.brokers {
            do {
                let entries = try await tool.admin.configuration(ofBroker: broker.id)
                findings += check.findings(broker.id, entries, brokers: metadata.brokers.count)
            } catch let error as KafkaError where error.isAuthorizationFailure {
                findings.append(
                    Finding(
                        .info, "broker \(broker.id)", "its limits were not checked: this user may not describe it",
                        expected: "DescribeConfigs on the cluster"))
            } catch let error as KafkaError where error.isUnsupported {
                findings.append(Finding(.info, "broker \(broker.id)", "its limits were not checked: \(error)"))
            } catch {
                findings.append(
                    Finding(
                        .error, "broker \(broker.id)", "\(broker.host):\(broker.port): \(error)",
                        expected: "every broker is reachable from here",
                        fix: "check the broker and its advertised.listeners"))
            }
        }
        return findings
    }

    // MARK: Topics

    private var roles: [(name: String, role: TopicCheck.Role)] {
        let topics = configuration.topics
        let limits = configuration.limits
        return topics.requests.map { ($0, .requests) } + [(topics.results, .results(bytes: limits.maximumResultBytes))]
            + topics.requests.map {
                ($0 + topics.deadLetterSuffix, .deadLetters(bytes: limits.maximumRequestBytes))
            } + ownTopics + trainingTopics
    }

    /// Nil where nothing is trained.
    private var training: TrainingSettings? {
        configuration.training.isEnabled ? try? configuration.trainingSettings() : nil
    }

    private var trainingTopics: [(name: String, role: TopicCheck.Role)] {
        guard let training else { return [] }
        let deadline = training.deadlineLimit
        var topics: [(String, TrainingTopic)] = [
            (
                training.requestTopic,
                TrainingTopic(use: .requests, bytes: training.maximumRequestBytes, deadline: deadline)
            ),
            (training.eventTopic, TrainingTopic(use: .events, bytes: training.maximumEventBytes, deadline: deadline)),
            (
                training.taskTopic,
                TrainingTopic(use: .tasks, bytes: training.maximumTaskBytes, deadline: deadline)
            ),
        ]
        if let topic = training.lineageTopic { topics.append((topic, TrainingTopic(use: .lineage))) }
        return topics.map { (name: $0, role: .training($1)) }
    }

    /// Those that Millrace makes itself when it first needs them.
    private var ownTopics: [(name: String, role: TopicCheck.Role)] {
        var own: [(name: String, role: TopicCheck.Role)] = []
        if configuration.models.registry == .topic { own.append((configuration.topics.models, .registry)) }
        if configuration.models.artifacts == .kafka {
            let chunk = KafkaArtifactStore.Configuration.defaultChunkBytes
            own.append((configuration.topics.artifacts, .artifacts(chunkBytes: chunk)))
        }
        return own
    }

    private func topics(_ metadata: ClusterMetadata) async -> [Finding] {
        let known = roles.map(\.name).filter { metadata.topics[$0] != nil }
        var descriptions: [String: Result<[String: ConfigurationEntry], KafkaError>] = [:]
        var findings: [Finding] = []
        do {
            descriptions = try await tool.admin.configurations(ofTopics: known)
        } catch {
            findings.append(Finding(.info, "topics", "their configuration was not checked: \(error)"))
        }
        let requestPartitions = configuration.topics.requests.compactMap { metadata.topics[$0]?.partitions.count }.max()
        for (name, var role) in roles {
            if case .deadLetters(let bytes) = role {
                // A dead letter is as large as its request, and no request is larger than its topic takes.
                let source = String(name.dropLast(configuration.topics.deadLetterSuffix.count))
                role = .deadLetters(bytes: min(bytes, Self.maximumBytes(descriptions[source]) ?? bytes))
            }
            let check = TopicCheck(
                name: name, role: role, bootstrap: configuration.bootstrapServers,
                partitions: configuration.topics.partitions, replicationFactor: configuration.topics.replicationFactor)
            guard let topic = metadata.topics[name] else {
                findings.append(
                    configuration.topics.create || role.isOwn
                        ? Finding(.info, "topic \(name)", "does not exist; the service makes it when it starts")
                        : check.missing())
                continue
            }
            if case .failure(let error) = descriptions[name] {
                findings.append(Finding(.info, "topic \(name)", "its configuration was not checked: \(error)"))
            }
            findings += check.findings(
                topic, (try? descriptions[name]?.get()) ?? [:], requestPartitions: requestPartitions ?? 0,
                brokers: metadata.brokers.count)
        }
        return findings
    }

    /// Whether what is on the registry topic can be read to its end.
    private func registry(_ metadata: ClusterMetadata) async -> [Finding] {
        let name = configuration.topics.models
        guard configuration.models.registry == .topic, metadata.topics[name] != nil else { return [] }
        do {
            let log = try configuration.registry(logger: tool.logger).log
            return [RegistryCheck(topic: name).finding(try await log.read())]
        } catch {
            return [
                Finding(
                    .error, "registry", "\(name) cannot be read: \(error)", expected: "read permission, and a leader",
                    fix: "kafka-acls.sh --add --allow-principal User:… --operation Read --topic \(name)")
            ]
        }
    }

    private static func maximumBytes(_ description: Result<[String: ConfigurationEntry], KafkaError>?) -> Int? {
        (try? description?.get())?["max.message.bytes"]?.value.flatMap { Int($0) }
    }

    private func access() async -> [Finding] {
        let groups = [configuration.applicationID] + (training.map { [$0.requestGroup, $0.taskGroup] } ?? [])
        let check = AccessCheck(topics: roles.map(\.name), groups: groups)
        do {
            return check.findings(try await tool.admin.accessRules())
        } catch let error as KafkaError {
            return [check.finding(for: error)]
        } catch {
            return [Finding(.info, "access rules", "not checked: \(error)")]
        }
    }

    // MARK: Group

    private func group(_ name: String, _ topics: [String], _ metadata: ClusterMetadata) async -> [Finding] {
        let subject = "group \(name)"
        do {
            let group = try await tool.admin.describeGroup(name)
            let partitions = topics.flatMap { metadata.topics[$0]?.topicPartitions ?? [] }
            let committed = try await tool.admin.committedOffsets(ofGroup: name, partitions: partitions)
            let kept = try await tool.kept(partitions)
            let lag = partitions.reduce(Int64(0)) { sum, partition in
                guard let range = kept[partition] else { return sum }
                return sum + max(0, range.upperBound - ((committed[partition] ?? nil) ?? range.lowerBound))
            }
            var findings = [
                Finding(
                    group.members.isEmpty ? .info : .ok, subject,
                    group.members.isEmpty
                        ? "no member: the service is not running; \(lag) records wait"
                        : "\(group.state), \(group.members.count) members, \(lag) records behind")
            ]
            for (partition, offset) in committed.sorted(by: { $0.key < $1.key }) {
                guard let offset, let range = kept[partition], offset < range.lowerBound else { continue }
                findings.append(
                    Finding(
                        .error, subject,
                        "\(partition): stands at \(offset), the log begins at \(range.lowerBound): "
                            + "\(range.lowerBound - offset) requests were deleted unanswered",
                        expected: "a retention longer than the service's absences",
                        fix:
                            "millrace offsets reset --to-earliest --topic \(partition.topic):\(partition.partition) --execute"
                    ))
            }
            return findings
        } catch {
            return [Finding(.info, subject, "not checked: \(error)")]
        }
    }

    // MARK: Clock

    /// Looks for records of the future: without writing one there is no other look at the brokers' clocks.
    private func clock(_ metadata: ClusterMetadata) async -> Finding {
        let partitions = metadata.topics[configuration.topics.results]?.topicPartitions ?? []
        let now = Timestamp.now().millisecondsSinceEpoch
        do {
            let ahead = try await tool.admin.offsets(of: partitions, at: .timestamp(now + Self.clockTolerance))
            guard let partition = ahead.filter({ $0.value != nil }).keys.min() else {
                return Finding(.ok, "clock", "no result is from the future; the brokers' own clocks were not read")
            }
            return Finding(
                .warning, "clock", "\(partition) holds results of more than \(Self.clockTolerance / 1000) s from now",
                expected: "clocks in step, for deadlines and replays by time",
                fix: "run a time service (chrony, systemd-timesyncd) here and on every instance")
        } catch {
            return Finding(.info, "clock", "not checked: \(error)")
        }
    }
}
