/// The rewrites of a graph, in order.
enum PassPipeline {
    static func run(
        _ graph: inout WorkGraph, types: [String: TensorType]?, program: Program
    ) throws(GraphError) {
    }
}
