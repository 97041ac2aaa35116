import ArgumentParser
import FoundationEssentials
import KafkaClient
import Logging
import Serving

/// `millrace infer`.
struct InferCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infer",
        abstract: "Send one request through the brokers and await its result.",
        discussion: """
            Produces the request to the request topic and waits for the record of the results topic that answers its \
            offset. Prints the result; its exit code is 1 when the result is an error.

            EXAMPLES
              millrace infer --request request.json --model digits
              millrace infer --request - --model digits@3 --key customer-7 < request.json
            """)

    @Option(help: ArgumentHelp("The request's bytes; - reads standard input.", valueName: "file"), completion: .file())
    var request: String

    @Option(
        help: ArgumentHelp("Sent as the headers millrace-model and millrace-version.", valueName: "name[@version]"),
        completion: Completions.models)
    var model: String?

    @Option(help: "The record's key.")
    var key: String?

    @Option(help: "The topic to send to; default: the first of topics.requests.", completion: Completions.topics)
    var topic: String?

    @Option(help: "Seconds to wait for the brokers and the result.")
    var timeout = 30.0

    @Option(
        name: .customLong("header"),
        help: ArgumentHelp("A further record header; may be repeated.", valueName: "name=value"))
    var headers: [String] = []

    @OptionGroup var options: ConfigurationOptions

    func validate() throws {
        guard timeout > 0, timeout <= 3600 else {
            throw ValidationError("--timeout: found \(timeout), expected 0 to 3600 seconds")
        }
    }

    func run() async throws {
        let deadline = ContinuousClock.now + .seconds(timeout)
        let loaded = try options.load()
        let configuration = loaded.configuration
        LogBootstrap.start(configuration.logging)
        var logger = Logger(label: "millrace.infer")
        // What goes wrong is said once, at the end; the client library's attempts are for those who ask for a log.
        let isLogWanted = loaded.settings.contains { $0.key == "logging.level" && $0.source != "default" }
        if !isLogWanted { logger.logLevel = .critical }
        guard let topic = topic ?? configuration.topics.requests.first else {
            throw CommandFailure(.usage, "topics.requests: found none, expected a topic to send to")
        }
        let body = try InputFile.read(request, limit: configuration.limits.maximumRequestBytes)
        let record = ProducerRecord(
            topic: topic, partition: nil, key: key.map { Array($0.utf8)[...] }, value: body[...],
            headers: try recordHeaders())
        let listener: ResultListener
        do {
            listener = try await ResultListener.open(configuration, timeout: .seconds(timeout), logger: logger)
        } catch let error as KafkaError {
            throw CommandFailure(
                .broker, "the brokers at \(configuration.bootstrapServers) gave no answer within \(timeout) s: \(error)"
            )
        }
        var delivery = try configuration.producerConfiguration()
        delivery.deliveryTimeout = max(.seconds(1), deadline - .now)
        let producer = try KafkaProducer(delivery, logger: logger)
        let outcome: Result<KafkaRecord?, any Error>
        do {
            outcome = .success(try await send(record, with: producer, awaiting: listener, until: deadline))
        } catch {
            outcome = .failure(error)
        }
        await producer.close(deadline: .seconds(2))
        await listener.close()
        guard let result = try outcome.get() else {
            throw CommandFailure(.difference, "no result within \(timeout) s; is the service running?")
        }
        Console.write(Array(result.value ?? []) + [UInt8(ascii: "\n")])
        let status = result.firstValue(named: RecordHeaderName.status).map { String(decoding: $0, as: UTF8.self) }
        if status != "ok" { throw CommandFailure(.difference, "the result is an error: \(status ?? "no status")") }
    }

    private func recordHeaders() throws -> [KafkaHeader] {
        var all: [KafkaHeader] = []
        if let model {
            let parts = model.split(separator: "@", maxSplits: 1).map(String.init)
            all.append(KafkaHeader("millrace-model", parts.first ?? model))
            if parts.count == 2 { all.append(KafkaHeader("millrace-version", parts[1])) }
        }
        for text in headers {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw CommandFailure(.usage, "--header: found \"\(text)\", expected name=value")
            }
            all.append(KafkaHeader(parts[0], parts[1]))
        }
        return all
    }

    private func send(
        _ record: ProducerRecord, with producer: KafkaProducer, awaiting listener: ResultListener,
        until deadline: ContinuousClock.Instant
    ) async throws -> KafkaRecord? {
        guard let report = try await producer.produce([record]).first else { return nil }
        switch report {
        case .failed(let error): throw error
        case .delivered(let position, let offset):
            let source = "\(position.topic)/\(position.partition)/\(offset)"
            return try await listener.first(within: deadline - .now) { result in
                result.firstValue(named: RecordHeaderName.source).map { String(decoding: $0, as: UTF8.self) } == source
            }
        }
    }
}
