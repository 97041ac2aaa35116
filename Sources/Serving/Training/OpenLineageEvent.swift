import Crypto
package import JSONDocuments
package import KafkaClient
package import ModelRegistry
package import Training

/// A run event of OpenLineage 2-0-2 (https://openlineage.io/spec): a training job began or ended.
package struct OpenLineageEvent: Sendable {
    package enum Kind: Sendable, Hashable {
        case start
        case complete(ModelVersion.Identity)
        case fail(String)
        case abort
    }

    private static let specification = "https://openlineage.io/spec"

    private let kind: Kind
    private let job: String
    private let time: Int64
    private let request: TrainingRequest
    private let ranges: ResolvedRanges?
    private let settings: TrainingSettings

    package init(
        _ kind: Kind, job: String, time: Int64, request: TrainingRequest, ranges: ResolvedRanges?,
        settings: TrainingSettings
    ) {
        self.kind = kind
        self.job = job
        self.time = time
        self.request = request
        self.ranges = ranges
        self.settings = settings
    }

    package func record(topic: String) -> ProducerRecord {
        ProducerRecord(
            topic: topic, key: ArraySlice(Self.runID(job).utf8), value: json.serialized(.compact)[...],
            headers: [KafkaHeader(name: "content-type", text: "application/json")])
    }

    /// A UUID that follows from the job's id: version 8 of RFC 9562, of the id's SHA-256.
    package static func runID(_ job: String) -> String {
        var bytes = Array(SHA256.hash(data: Array("millrace training job \(job)".utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
        var rest = digits[...]
        return [8, 4, 4, 4, 12].map { count in
            defer { rest = rest.dropFirst(count) }
            return String(rest.prefix(count))
        }.joined(separator: "-")
    }

    package var json: JSONValue {
        var run: [String: JSONValue] = ["runId": .string(Self.runID(job))]
        var runFacets: [String: JSONValue] = [
            "millrace_job": facet(["job": .string(job), "seed": .integer(Int64(clamping: request.seed))], of: nil)
        ]
        if case .fail(let message) = kind {
            runFacets["errorMessage"] = facet(
                ["message": .string(message), "programmingLanguage": "Swift"],
                of: "facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet")
        }
        run["facets"] = .object(runFacets)
        return [
            "eventType": .string(eventType), "eventTime": .string(EventTime.text(time)), "producer": producer,
            "schemaURL": .string("\(Self.specification)/2-0-2/OpenLineage.json#/$defs/RunEvent"),
            "run": .object(run),
            "job": ["namespace": namespace, "name": .string("train.\(request.model)"), "facets": .object([:])],
            "inputs": .array([input]), "outputs": .array(outputs),
        ]
    }

    private var eventType: String {
        switch kind {
        case .start: "START"
        case .complete: "COMPLETE"
        case .fail: "FAIL"
        case .abort: "ABORT"
        }
    }

    private var producer: JSONValue { .string("urn:\(settings.build.replacing(" ", with: ":"))") }
    private var namespace: JSONValue { .string("millrace/\(settings.applicationID)") }

    private var input: JSONValue {
        var facets: [String: JSONValue] = [:]
        if let ranges { facets["millrace_offsets"] = facet(["partitions": ranges.json], of: nil) }
        let name: String
        switch request.dataset.source {
        case .topic(let range):
            let server = settings.kafka.bootstrapServers.split(separator: ",").first.map(String.init) ?? ""
            return ["namespace": .string("kafka://\(server)"), "name": .string(range.topic), "facets": .object(facets)]
        case .csv(let path, _), .jsonLines(let path), .npz(let path): name = path
        case .rows: name = "rows of job \(job)"
        }
        return ["namespace": "file", "name": .string(name), "facets": .object(facets)]
    }

    private var outputs: [JSONValue] {
        var facets: [String: JSONValue] = [:]
        if case .complete(let identity) = kind {
            facets["version"] = facet(
                ["datasetVersion": .string(String(identity.number))],
                of: "facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet")
        }
        return [["namespace": namespace, "name": .string("models/\(request.model)"), "facets": .object(facets)]]
    }

    /// - Parameter schema: below the specification's address; nil of a facet of our own.
    private func facet(_ members: [String: JSONValue], of schema: String?) -> JSONValue {
        var members = members
        members["_producer"] = producer
        members["_schemaURL"] = .string(schema.map { "\(Self.specification)/\($0)" } ?? "urn:millrace:facet")
        return .object(members)
    }
}
