/// Types of values for symbolic input dimensions, found by propagating two sets of extents: a dimension that stays is
/// fixed, one that follows a symbol in both is that symbol.
struct SymbolicInference {
    /// Value types of the first trial, nil when no trial extents fit the graph.
    let sample: [String: TensorType]?
    /// Graph outputs, as inferred where a trial succeeded and as declared otherwise.
    let outputs: [ValueInfo]
    /// The trial inputs that worked.
    let sampleInputs: [(name: String, type: TensorType)]
    /// Whether shapes depend on values that are computed at run time, or values are strings.
    let isDynamic: Bool
    /// Whether the trials tell fixed dimensions from those that follow a symbol.
    let isExact: Bool

    /// Extents that fit the graph.
    private struct Trial {
        let extents: [String: Int]
        let types: [String: TensorType]
        let haveStrings: Bool
    }

    init(_ graph: WorkGraph, _ program: Program) throws(GraphError) {
        let symbols = Self.symbols(graph.inputs)
        // Extents of other symbols are large, so that windows fit; the batch is small.
        let trials = [(3, 61), (5, 83), (1, 64)].map { batch, other in
            symbols.enumerated().reduce(into: [String: Int]()) { extents, symbol in
                extents[symbol.element] =
                    .symbolic(symbol.element) == Dimension.batch ? batch : other + symbol.offset * 7
            }
        }
        var succeeded: [Trial] = []
        var firstError: GraphError?
        for extents in symbols.isEmpty ? [[:]] : trials where succeeded.count < 2 {
            do throws(GraphError) {
                let found = try program.types(try Self.inputs(graph.inputs, extents))
                succeeded.append(Trial(extents: extents, types: found.types, haveStrings: found.haveStrings))
            } catch {
                firstError = firstError ?? error
            }
        }
        let haveStrings =
            (graph.inputs + graph.outputs).contains { $0.elementType == .string }
            || succeeded.contains(where: \.haveStrings)
        isDynamic = firstError?.kind == .valueUnknown || haveStrings
        let onlyBatch = symbols.allSatisfy { .symbolic($0) == Dimension.batch }
        // With other symbols an error may be the trial's, and planning on real shapes will tell.
        if succeeded.isEmpty, onlyBatch, let firstError, firstError.kind != .valueUnknown { throw firstError }
        sample = succeeded.first?.types
        isExact = symbols.isEmpty || succeeded.count > 1
        if let first = succeeded.first {
            sampleInputs = try Self.inputs(graph.inputs, first.extents)
        } else {
            sampleInputs = []
        }
        outputs = graph.outputs.map { Self.output($0, succeeded) }
    }

    private static func symbols(_ inputs: [ValueInfo]) -> [String] {
        var result: [String] = []
        for input in inputs {
            for case .symbolic(let name) in input.dimensions where !result.contains(name) { result.append(name) }
        }
        return result
    }

    private static func inputs(
        _ inputs: [ValueInfo], _ extents: [String: Int]
    ) throws(GraphError) -> [(name: String, type: TensorType)] {
        var result: [(name: String, type: TensorType)] = []
        for input in inputs {
            let dimensions = input.dimensions.map { dimension in
                switch dimension {
                case .fixed(let extent): extent
                case .symbolic(let name): extents[name] ?? 1
                }
            }
            do throws(TensorError) {
                result.append((input.name, TensorType(elementType: input.elementType, shape: try Shape(dimensions))))
            } catch {
                throw GraphError(.invalidGraph, "graph input '\(input.name)': \(error.description)")
            }
        }
        return result
    }

    private static func output(
        _ declared: ValueInfo, _ trials: [Trial]
    ) -> ValueInfo {
        guard let first = trials.first, let type = first.types[declared.name] else { return declared }
        let second = trials.count > 1 ? trials[1] : first
        let other = second.types[declared.name]?.shape.dimensions ?? []
        var result = declared
        result.elementType = type.elementType
        result.dimensions = type.shape.dimensions.enumerated().map { axis, extent in
            let isDeclaredSymbolic = axis < declared.dimensions.count && !declared.dimensions[axis].isFixed
            // One trial cannot tell a fixed extent from one that follows a symbol.
            if trials.count == 1, !first.extents.isEmpty, isDeclaredSymbolic { return declared.dimensions[axis] }
            guard axis < other.count, other[axis] != extent else { return .fixed(extent) }
            let symbol = first.extents.keys.sorted().first {
                first.extents[$0] == extent && second.extents[$0] == other[axis]
            }
            if let symbol { return .symbolic(symbol) }
            if isDeclaredSymbolic { return declared.dimensions[axis] }
            return .symbolic("\(declared.name)_\(axis)")
        }
        return result
    }
}
