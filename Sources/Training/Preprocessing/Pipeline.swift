public import JSONDocuments
import TensorEngine

/// Steps of preprocessing, to be fitted on training rows.
///
///     {"steps": [{"type": "impute", "strategy": "median"}, {"type": "standardize"}, {"type": "one_hot"}]}
///
/// What the steps leave goes side by side into one input of the model: numeric columns first, the other features in the
/// order of the schema, encoded integer categories last. A single feature keeps its shape. For a model of several
/// inputs, `"inputs": {"image": ["photo"], "table": ["age", "city"]}` says which features go where.
public struct Pipeline: Sendable, Hashable {
    public var steps: [PreprocessingStep]
    /// The features of each input of the model; nil for a single one of all.
    public var inputs: [String: [String]]?

    public static let maximumSteps = 100

    public init(_ steps: [PreprocessingStep] = [], inputs: [String: [String]]? = nil) {
        self.steps = steps
        self.inputs = inputs
    }

    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor) throws(JSONError) {
        try json.rejectUnknownMembers(allowed: ["steps", "inputs"])
        steps = []
        if let list = try json.optionalMember("steps") {
            let elements = try list.elements()
            guard elements.count <= Self.maximumSteps else {
                throw list.failure("found \(elements.count) steps, expected at most \(Self.maximumSteps)")
            }
            for element in elements { steps.append(try PreprocessingStep(element)) }
        }
        inputs = nil
        if let members = try json.optionalMember("inputs")?.members() {
            var found: [String: [String]] = [:]
            for (name, features) in members { found[name] = try features.stringElements() }
            inputs = found
        }
    }

    /// The pipeline as JSON; reading it yields an equal one.
    public var json: JSONValue {
        var members: [String: JSONValue] = ["steps": .array(steps.map(\.json))]
        if let inputs { members["inputs"] = .object(inputs.mapValues { .array($0.map { .string($0) }) }) }
        return .object(members)
    }

    /// Fits the steps, each on what those before make of the rows.
    /// - Parameter rows: those to train on, and no others.
    /// - Throws: ``DataError`` naming the step.
    public func fit(_ dataset: any Dataset, rows: [Int]) throws(DataError) -> FittedPipeline {
        guard !rows.isEmpty else { throw DataError(.tooFewRows, "found no rows to fit the preprocessing on") }
        var builder = PipelineBuilder(dataset.schema)
        let data = TrainingRows(dataset, rows)
        for (index, step) in steps.enumerated() {
            do throws(DataError) { try Self.fit(step, &builder, data) } catch {
                throw error.inside("preprocessing.steps[\(index)] (\(step.type))")
            }
        }
        let outputs: [(name: String, track: Track)]
        if let inputs {
            var found: [(name: String, track: Track)] = []
            for name in inputs.keys.sorted() {
                do throws(DataError) {
                    found.append((name, try builder.joined(inputs[name] ?? [])))
                } catch {
                    throw error.inside("preprocessing.inputs.\(name)")
                }
            }
            outputs = found
        } else {
            do throws(DataError) { outputs = [("", try builder.joined(nil))] } catch {
                throw error.inside("preprocessing")
            }
        }
        return try FittedPipeline(builder, outputs)
    }

    private static func fit(
        _ step: PreprocessingStep, _ builder: inout PipelineBuilder, _ data: TrainingRows
    ) throws(DataError) {
        switch step {
        case .standardize(let columns, let statistics): try builder.standardize(columns, statistics, data)
        case .minMax(let columns, let statistics, let lower, let upper, let clips):
            try builder.scaleToRange(columns, statistics, lower: lower, upper: upper, clips: clips, data)
        case .impute(let columns, let imputation): try builder.impute(columns, imputation, data)
        case .oneHot(let columns, let refusesUnknown):
            try builder.oneHot(columns, refusesUnknown: refusesUnknown, data)
        case .tokenIDs(let column, let text, let tokens): try builder.tokenIDs(column, text, tokens, data)
        case .bagOfWords(let column, let text, let bag): try builder.bagOfWords(column, text, bag, data)
        case .rescale(let columns, let scale, let offset):
            try builder.rescale(columns, scale: scale, offset: offset)
        case .resize(let columns, let options): try builder.resize(columns, options)
        case .select(let columns): try builder.select(columns)
        }
    }
}

extension PipelineBuilder {
    /// Features side by side; one alone keeps its shape.
    mutating func joined(_ names: [String]?) throws(DataError) -> Track {
        var parts: [Track] = []
        for (index, places) in try tracks(names, suiting: "there", { _, _ in true }) {
            var track = tracks[index]
            guard track.content != .text else {
                throw DataError(
                    .unsupported,
                    "the feature \(DataError.quoted(track.features[0])) is words: expected a step that makes numbers "
                        + "of it (one_hot, token_ids, bag_of_words)")
            }
            if track.content == .columns, places.count < track.features.count {
                track.value = try columns(track.value, places)
                track.columnNames = places.map { tracks[index].columnNames[$0] }
                track.dimensions = [places.count]
            }
            parts.append(track)
        }
        guard parts.count > 1 else { return parts[0] }
        if let tokens = parts.first(where: { $0.content == .tokens }) {
            throw DataError(
                .unsupported,
                "the numbers of words of \(DataError.quoted(tokens.features[0])) cannot stand beside other features: "
                    + "expected \"inputs\" that give them an input of their own")
        }
        var values: [String] = []
        for part in parts {
            values.append(part.dimensions.count == 1 ? part.value : try reshape(part.value, to: [part.width]))
        }
        return Track(
            content: .encoded, features: parts.flatMap(\.features),
            value: add("Concat", values, attributes: ["axis": .int(1)]),
            dimensions: [parts.reduce(0) { $0 + $1.width }], columnNames: parts.flatMap(\.columnNames))
    }
}
