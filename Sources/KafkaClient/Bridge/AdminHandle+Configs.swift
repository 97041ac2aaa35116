import CRdKafka

extension AdminHandle {
    func topicConfigurations(
        _ topics: [String], timeout: Duration
    ) throws -> [String: Result<[String: ConfigurationEntry], KafkaError>] {
        try describeConfigurations(
            "topic configuration", RD_KAFKA_RESOURCE_TOPIC, Array(Set(topics)).sorted(), timeout)
    }

    /// A request of its own: librdkafka sends it to the broker that it is about, and takes one at a time.
    func brokerConfiguration(_ broker: Int32, timeout: Duration) throws -> [String: ConfigurationEntry] {
        let operation = "configuration of broker \(broker)"
        let found = try describeConfigurations(operation, RD_KAFKA_RESOURCE_BROKER, [String(broker)], timeout)
        guard let result = found[String(broker)] else { throw KafkaError.noAnswer(operation) }
        return try result.get()
    }

    private func describeConfigurations(
        _ operation: String, _ kind: rd_kafka_ResourceType_t, _ names: [String], _ timeout: Duration
    ) throws -> [String: Result<[String: ConfigurationEntry], KafkaError>] {
        try client.use(operation) { client in
            var requests: [OpaquePointer?] = []
            defer { rd_kafka_ConfigResource_destroy_array(&requests, requests.count) }
            for name in names {
                guard let request = rd_kafka_ConfigResource_new(kind, name) else {
                    throw KafkaError.local(
                        "\(operation) of \(name)", RD_KAFKA_RESP_ERR__INVALID_ARG, "the name is not one of a resource")
                }
                requests.append(request)
            }
            let event = try perform(operation, client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout) { options, queue in
                rd_kafka_DescribeConfigs(client, &requests, requests.count, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            let resources = rd_kafka_DescribeConfigs_result_resources(
                rd_kafka_event_DescribeConfigs_result(event), &count)
            var found: [String: Result<[String: ConfigurationEntry], KafkaError>] = [:]
            for resource in UnsafeBufferPointer(start: resources, count: count) {
                guard let resource else { continue }
                let name = rd_kafka_ConfigResource_name(resource).map { String(cString: $0) } ?? ""
                let code = rd_kafka_ConfigResource_error(resource)
                found[name] =
                    code == RD_KAFKA_RESP_ERR_NO_ERROR
                    ? .success(Self.entries(resource))
                    : .failure(
                        KafkaError(
                            "\(operation) of \(name)", code,
                            reason: rd_kafka_ConfigResource_error_string(resource).map { String(cString: $0) }))
            }
            return found
        }
    }

    private static func entries(_ resource: OpaquePointer) -> [String: ConfigurationEntry] {
        var count = 0
        let configs = rd_kafka_ConfigResource_configs(resource, &count)
        var entries: [String: ConfigurationEntry] = [:]
        for entry in UnsafeBufferPointer(start: configs, count: count) {
            guard let entry, let name = rd_kafka_ConfigEntry_name(entry).map({ String(cString: $0) }) else { continue }
            entries[name] = ConfigurationEntry(
                name: name, value: rd_kafka_ConfigEntry_value(entry).map { String(cString: $0) },
                source: source(rd_kafka_ConfigEntry_source(entry)),
                isReadOnly: rd_kafka_ConfigEntry_is_read_only(entry) == 1,
                isSensitive: rd_kafka_ConfigEntry_is_sensitive(entry) == 1)
        }
        return entries
    }

    private static func source(_ source: rd_kafka_ConfigSource_t) -> ConfigurationEntry.Source {
        switch source {
        case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG: .topic
        case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG: .broker
        case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG: .allBrokers
        case RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG: .brokerFile
        case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG: .byDefault
        default: .unknown
        }
    }

    // MARK: Access rules

    func accessRules(timeout: Duration) throws -> [AccessRule] {
        let operation = "access rules"
        return try client.use(operation) { client in
            let (created, reason) = withErrorString {
                rd_kafka_AclBindingFilter_new(
                    RD_KAFKA_RESOURCE_ANY, nil, RD_KAFKA_RESOURCE_PATTERN_ANY, nil, nil, RD_KAFKA_ACL_OPERATION_ANY,
                    RD_KAFKA_ACL_PERMISSION_TYPE_ANY, $0, $1)
            }
            guard let filter = created else {
                throw KafkaError.local(operation, RD_KAFKA_RESP_ERR__INVALID_ARG, reason)
            }
            defer { rd_kafka_AclBinding_destroy(filter) }
            let event = try perform(operation, client, RD_KAFKA_ADMIN_OP_DESCRIBEACLS, timeout) { options, queue in
                rd_kafka_DescribeAcls(client, filter, options, queue)
            }
            defer { rd_kafka_event_destroy(event) }
            var count = 0
            let bindings = rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event), &count)
            return UnsafeBufferPointer(start: bindings, count: count).compactMap { $0.map(Self.rule) }
        }
    }

    private static func rule(_ binding: OpaquePointer) -> AccessRule {
        AccessRule(
            resource: resourceKind(rd_kafka_AclBinding_restype(binding)),
            name: rd_kafka_AclBinding_name(binding).map { String(cString: $0) } ?? "",
            pattern: rd_kafka_AclBinding_resource_pattern_type(binding) == RD_KAFKA_RESOURCE_PATTERN_PREFIXED
                ? .prefixed : .literal,
            principal: rd_kafka_AclBinding_principal(binding).map { String(cString: $0) } ?? "",
            host: rd_kafka_AclBinding_host(binding).map { String(cString: $0) } ?? "",
            operation: rd_kafka_AclOperation_name(rd_kafka_AclBinding_operation(binding))
                .map { String(cString: $0) } ?? "",
            isAllowing: rd_kafka_AclBinding_permission_type(binding) == RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW)
    }

    private static func resourceKind(_ kind: rd_kafka_ResourceType_t) -> AccessRule.ResourceKind {
        switch kind {
        case RD_KAFKA_RESOURCE_TOPIC: .topic
        case RD_KAFKA_RESOURCE_GROUP: .group
        case RD_KAFKA_RESOURCE_BROKER: .cluster  // librdkafka's name for what ACLs call the cluster.
        case transactionalIDResource: .transactionalID
        default: .other(rd_kafka_ResourceType_name(kind).map { String(cString: $0) } ?? "\(kind.rawValue)")
        }
    }
}

/// The protocol's number, which librdkafka has named since 2.3 only; earlier versions report such rules as unknown.
private let transactionalIDResource = rd_kafka_ResourceType_t(rawValue: 5)
