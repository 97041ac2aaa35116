import JSONDocuments
import TensorEngine

/// Builds the graph of a pipeline, step by step.
///
/// Constants are nodes, not initializers: initializers are what training changes.
struct PipelineBuilder {
    static let prefix = "preprocessing/"

    let schema: DatasetSchema
    private(set) var nodes: [Node] = []
    private(set) var inputs: [RawInput] = []
    var tracks: [Track] = []
    private var count = 0

    /// One input of all numeric columns, and one for each other feature.
    init(_ schema: DatasetSchema) {
        self.schema = schema
        var columns: [Int] = []
        var names: [String] = []
        var start = 0
        for feature in schema.features {
            defer { start += feature.kind.numberCount }
            guard feature.kind == .number || feature.kind == .integerCategory else { continue }
            columns.append(start)
            names.append(feature.name)
        }
        if !columns.isEmpty {
            add(.columns, names, .numbers(columns), [columns.count], names, name: "features")
        }
        for (index, feature) in schema.features.enumerated() {
            switch feature.kind {
            case .number, .integerCategory: break
            case .category, .text:
                let text = schema.textIndex(of: index) ?? 0
                add(.text, [feature.name], .text(text), [1], [feature.name], name: feature.name)
            case .tensor(let shape):
                let range = schema.numberRange(of: index) ?? 0..<0
                let names = range.indices.map { "\(feature.name)[\($0 - range.lowerBound)]" }
                add(.tensor, [feature.name], .numbers(Array(range)), shape, names, name: feature.name)
            }
        }
    }

    private mutating func add(
        _ content: Track.Content, _ features: [String], _ source: RawInput.Source, _ dimensions: [Int],
        _ columns: [String], name wanted: String
    ) {
        // A feature may itself be called "features".
        let isTaken =
            inputs.contains { $0.name == wanted }
            || (content == .columns
                && schema.features.contains {
                    $0.name == wanted && !features.contains(wanted)
                })
        let name = isTaken ? "\(wanted)_columns" : wanted
        inputs.append(RawInput(name: name, source: source, dimensions: dimensions))
        tracks.append(
            Track(content: content, features: features, value: name, dimensions: dimensions, columnNames: columns))
    }

    /// Adds a node and returns its outputs' names.
    mutating func add(
        _ operatorType: String, _ inputs: [String], attributes: [String: AttributeValue] = [:], outputs: Int
    ) -> [String] {
        count += 1
        let name = "\(Self.prefix)\(operatorType)_\(count)"
        let names = outputs == 1 ? [name] : (0..<outputs).map { "\(name)_\($0)" }
        nodes.append(
            Node(name: name, operatorType: operatorType, inputs: inputs, outputs: names, attributes: attributes))
        return names
    }

    /// Adds a node of one output and returns its name.
    mutating func add(
        _ operatorType: String, _ inputs: [String], attributes: [String: AttributeValue] = [:]
    ) -> String {
        add(operatorType, inputs, attributes: attributes, outputs: 1)[0]
    }

    mutating func constant<Element: TensorElement>(_ elements: [Element], shape: [Int]) throws(DataError) -> String {
        do throws(TensorError) {
            return constant(try Tensor(shape: try Shape(shape), elements: elements))
        } catch {
            throw DataError(.tooLarge, error.description)
        }
    }

    mutating func constant(_ tensor: Tensor) -> String {
        add("Constant", [], attributes: ["value": .tensor(tensor)])
    }

    /// - Precondition: one of the types below.
    mutating func cast(_ value: String, to type: ElementType) -> String {
        // `TensorProto.DataType` (onnx.proto3).
        let numbers: [ElementType: Int] = [.float32: 1, .int32: 6, .int64: 7, .float64: 11]
        return add("Cast", [value], attributes: ["to": .int(numbers[type] ?? 1)])
    }

    /// The same elements in other dimensions, the batch left as it is.
    mutating func reshape(_ value: String, to dimensions: [Int]) throws(DataError) -> String {
        add("Reshape", [value, try constant([0] + dimensions.map { Int64($0) }, shape: [dimensions.count + 1])])
    }

    /// Some columns of a value of columns.
    mutating func columns(_ value: String, _ places: [Int]) throws(DataError) -> String {
        add(
            "Gather", [value, try constant(places.map { Int64($0) }, shape: [places.count])],
            attributes: ["axis": .int(1)])
    }

    /// The graph that makes some values, with as few inputs and nodes as it takes. Its outputs have names of their own:
    /// a feature that no step touches is an input, and one may go to several outputs.
    func graph(of values: [ValueInfo]) -> Graph {
        var needed = Set(values.map(\.name))
        var kept: [Node] = []
        for node in nodes.reversed() where node.outputs.contains(where: needed.contains) {
            needed.formUnion(node.inputs)
            kept.append(node)
        }
        kept.reverse()
        var outputs = values
        for (index, value) in values.enumerated() {
            let name = "\(Self.prefix)output_\(index)"
            kept.append(Node(name: name, operatorType: "Identity", inputs: [value.name], outputs: [name]))
            outputs[index].name = name
        }
        return Graph(
            name: "preprocessing", operatorSetVersion: FittedPipeline.operatorSetVersion,
            inputs: inputs.filter { needed.contains($0.name) }.map(\.info), outputs: outputs, nodes: kept)
    }

    /// What a graph of this pipeline is given.
    func inputs(of graph: Graph) -> [RawInput] {
        inputs.filter { input in graph.inputs.contains { $0.name == input.name } }
    }
}

extension PipelineBuilder {
    /// The tracks that hold these features, or all that suit; with the places of the features among a block's columns.
    /// - Throws: ``DataError`` for a feature that is not there or does not suit.
    func tracks(
        _ names: [String]?, suiting expected: String, _ suits: (Track, DatasetSchema.FeatureKind) -> Bool
    ) throws(DataError) -> [(index: Int, places: [Int])] {
        let wanted = names.map { Set($0) }
        var kinds: [String: DatasetSchema.FeatureKind] = [:]
        for feature in schema.features { kinds[feature.name] = feature.kind }
        var result: [(index: Int, places: [Int])] = []
        var found: Set<String> = []
        for (index, track) in tracks.enumerated() {
            var places: [Int] = []
            for (place, name) in track.features.enumerated() {
                guard wanted?.contains(name) ?? true, let kind = kinds[name] else { continue }
                found.insert(name)
                if suits(track, kind) {
                    places.append(place)
                } else if names != nil {
                    throw DataError(.mismatch, "the feature \(DataError.quoted(name)) is not \(expected) here")
                }
            }
            if !places.isEmpty { result.append((index, places)) }
        }
        for name in names ?? [] where !found.contains(name) {
            let known = tracks.flatMap(\.features)
            let hint =
                NearestName.nearest(to: name, among: known).map { "; did you mean \(DataError.quoted($0))?" } ?? ""
            throw DataError(.missing, "there is no feature \(DataError.quoted(name))\(hint)")
        }
        guard !result.isEmpty else { throw DataError(.missing, "there is no feature that is \(expected)") }
        return result
    }
}
