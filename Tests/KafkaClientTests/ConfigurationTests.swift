import KafkaClient
import Testing

@Suite struct ConfigurationTests {
    @Test(
        arguments: [
            ("enable.auto.commit", "true"), ("enable.auto.offset.store", "true"), ("auto.commit.interval.ms", "1000"),
            ("enable.idempotence", "false"), ("transactional.id", "mine"), ("group.id", "mine"),
            ("group.instance.id", "mine"), ("isolation.level", "read_uncommitted"), ("auto.offset.reset", "latest"),
            ("acks", "1"), ("request.required.acks", "0"), ("partition.assignment.strategy", "cooperative-sticky"),
            ("bootstrap.servers", "elsewhere:9092"), ("metadata.broker.list", "elsewhere:9092"), ("client.id", "me"),
            ("delivery.report.only.error", "true"), ("enable.gapless.guarantee", "true"), ("log.queue", "true"),
            ("max.poll.interval.ms", "1"), ("session.timeout.ms", "1"), ("transaction.timeout.ms", "1"),
            ("enable.partition.eof", "true"), ("test.mock.num.brokers", "3"),
        ])
    func ownedPropertiesAreRefusedWithTheReason(key: String, value: String) throws {
        let error = #expect(throws: KafkaConfigurationError.self) {
            try KafkaConfiguration(bootstrapServers: "localhost:1", properties: [key: value])
        }
        #expect(error?.key == key)
        #expect(error?.reason == KafkaConfiguration.ownedProperties[key])
        #expect(error?.description.contains(key) == true)
    }

    @Test func everyOwnedPropertyHasATest() {
        // One more owned property needs one more argument above (test.mock.broker.rtt is of the same kind as its sibling).
        #expect(KafkaConfiguration.ownedProperties.count == 24)
    }

    @Test(arguments: [
        ("enable.auto.commit", "false"), ("enable.idempotence", "true"), ("acks", "all"), ("acks", "-1"),
        ("partition.assignment.strategy", "roundrobin"),
    ])
    func ownedPropertiesMaySayWhatHoldsAnyway(key: String, value: String) throws {
        let configuration = try KafkaConfiguration(bootstrapServers: "localhost:1", properties: [key: value])
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(kafka: configuration, groupID: "g"), logger: TestBroker.logger)
        let producer = try KafkaProducer(ProducerConfiguration(kafka: configuration), logger: TestBroker.logger)
        #expect(!consumer.isClosed && !producer.isClosed)
    }

    @Test func unknownPropertiesGetLibrdkafkasOwnMessage() throws {
        let configuration = try KafkaConfiguration(bootstrapServers: "localhost:1", properties: ["lingering.ms": "5"])
        let error = #expect(throws: KafkaConfigurationError.self) {
            try KafkaProducer(ProducerConfiguration(kafka: configuration), logger: TestBroker.logger)
        }
        #expect(error?.key == "lingering.ms")
        #expect(error?.reason.contains("No such configuration property") == true)
    }

    @Test func valuesOutOfRangeNameTheProperty() throws {
        let configuration = try KafkaConfiguration(
            bootstrapServers: "localhost:1", properties: ["fetch.min.bytes": "-3"])
        let error = #expect(throws: KafkaConfigurationError.self) {
            try KafkaConsumer(ConsumerConfiguration(kafka: configuration, groupID: "g"), logger: TestBroker.logger)
        }
        #expect(error?.key == "fetch.min.bytes")
    }

    @Test func aRefusedCombinationThrowsAndLeaksNothing() throws {
        var configuration = ConsumerConfiguration(
            kafka: try KafkaConfiguration(bootstrapServers: "localhost:1"), groupID: "g")
        // The poll interval must not be below the session timeout.
        configuration.maxPollInterval = .seconds(5)
        configuration.sessionTimeout = .seconds(10)
        for _ in 0..<10 {
            let error = #expect(throws: KafkaConfigurationError.self) {
                try KafkaConsumer(configuration, logger: TestBroker.logger)
            }
            #expect(error?.reason.contains("max.poll.interval.ms") == true)
        }
    }

    @Test func emptyIdentitiesAreRefused() throws {
        #expect(throws: KafkaConfigurationError.self) { try KafkaConfiguration(bootstrapServers: "  ") }
        let kafka = try KafkaConfiguration(bootstrapServers: "localhost:1")
        #expect(throws: KafkaConfigurationError.self) {
            try KafkaConsumer(ConsumerConfiguration(kafka: kafka, groupID: ""), logger: TestBroker.logger)
        }
        #expect(throws: KafkaConfigurationError.self) {
            try TransactionalProducer(
                TransactionalProducerConfiguration(producer: ProducerConfiguration(kafka: kafka), transactionalID: ""),
                logger: TestBroker.logger)
        }
        #expect(throws: KafkaConfigurationError.self) {
            try KafkaConfiguration(bootstrapServers: "localhost:1", properties: ["linger.ms": "5\u{0}0"])
        }
    }

    @Test func secretsAreNotShown() throws {
        let secrets = [
            "sasl.password": "hunter-two", "ssl.key.password": "open-sesame", "ssl.keystore.password": "swordfish",
            "ssl.key.pem": "-----BEGIN-KEY-----", "sasl.oauthbearer.client.secret": "client-secret-value",
            "sasl.oauthbearer.config": "principal=joe-secret",
        ]
        let configuration = try KafkaConfiguration(
            bootstrapServers: "localhost:1",
            properties: secrets.merging(["sasl.username": "joe", "linger.ms": "7"]) { $1 })
        var dumped = ""
        dump(configuration, to: &dumped)
        let consumer = ConsumerConfiguration(kafka: configuration, groupID: "g")
        let shown = [
            "\(configuration)", String(reflecting: configuration), dumped, "\(consumer)", String(reflecting: consumer),
        ]
        for text in shown {
            for value in secrets.values { #expect(!text.contains(value), "\(value) in \(text)") }
            #expect(text.contains("joe"))
            #expect(text.contains("[redacted]"))
        }
    }

    @Test func secretsAreNotInErrors() throws {
        // librdkafka repeats a value it does not take.
        let configuration = try KafkaConfiguration(
            bootstrapServers: "localhost:1",
            properties: ["sasl.password": "PLAINTEXT-hunter", "security.protocol": "PLAINTEXT-hunter"])
        let error = #expect(throws: KafkaConfigurationError.self) {
            try KafkaProducer(ProducerConfiguration(kafka: configuration), logger: TestBroker.logger)
        }
        #expect(error?.description.contains("hunter") == false)
        #expect(error?.key == "security.protocol")
    }
}
