public import ModelFormats
import Synchronization
public import TensorEngine

/// A version that is ready to answer: immutable, shared by every batch that runs on it, and kept alive by them.
public final class LoadedModel: Sendable {
    public let version: ModelVersion
    public let manifest: Manifest
    public let graph: CompiledGraph
    /// Nil when the model takes no text.
    public let textInput: TextInput?
    private let largestArena = Atomic<Int>(0)
    private let onRelease: (@Sendable () -> Void)?

    /// - Parameter onRelease: called when nobody holds the model any more, on whichever thread let go of it.
    /// - Throws: ``GraphError`` when the graph is not one that the engine can run.
    public init(
        version: ModelVersion, bundle: ModelBundle, options: CompilationOptions = .init(),
        onRelease: (@Sendable () -> Void)? = nil
    ) throws(GraphError) {
        self.version = version
        self.manifest = bundle.manifest
        self.graph = try CompiledGraph(bundle.graph, options: options)
        do throws(ModelFormatError) {
            textInput = try TextInput(bundle.graph)
        } catch {
            throw GraphError(.invalidGraph, error.description)
        }
        self.onRelease = onRelease
    }

    deinit { onRelease?() }

    /// Bytes that the model keeps in memory, about: its constants, their packed forms and the arena of its largest warm plan.
    public var memoryByteCount: Int { graph.weightsByteCount + largestArena.load(ordering: .relaxed) }

    /// Whether requests of several rows, and rows of several requests, may run together.
    public var isBatched: Bool {
        graph.inputs.allSatisfy(\.hasBatchDimension) && graph.outputs.allSatisfy(\.hasBatchDimension)
    }

    /// Runs zeros through the graph once for each power of two up to `maximumRows`, so that the first real batch of any
    /// size finds its plan made, its weights in memory and the arena grown.
    public func warmUp(maximumRows: Int, on context: ExecutionContext) throws(GraphError) {
        var rows = 1
        while true {
            // A dynamic graph has no plans, and zeros may be values that its operators refuse.
            guard !graph.isDynamic, let shapes = shapes(rows: rows) else { return }
            let plan = try graph.plan(inputShapes: shapes)
            let inputs = zip(graph.inputs, shapes).map { Tensor(zeros: $0.elementType, shape: $1) }
            _ = try context.run(plan, inputs: inputs)
            largestArena.max(plan.arenaByteCount, ordering: .relaxed)
            guard isBatched, rows < maximumRows else { return }
            rows = min(rows * 2, maximumRows)
        }
    }

    /// Shapes of the inputs for so many rows; nil when an extent besides the batch is open until run time.
    private func shapes(rows: Int) -> [Shape]? {
        var shapes: [Shape] = []
        for input in graph.inputs {
            var extents: [Int] = []
            for dimension in input.dimensions {
                switch dimension {
                case .fixed(let extent): extents.append(extent)
                case .batch: extents.append(rows)
                case .symbolic: return nil
                }
            }
            guard let shape = try? Shape(extents) else { return nil }
            shapes.append(shape)
        }
        return shapes
    }
}
