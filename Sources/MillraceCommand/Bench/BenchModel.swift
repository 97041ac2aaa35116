import FoundationEssentials
import ModelFormats
import TensorEngine

/// The model that a benchmark asks.
struct BenchModel {
    /// A Keras file or a bundle.
    let path: String
    let inputName: String
    /// Of one row.
    let rowShape: [Int]

    var numbers: Int { rowShape.reduce(1, *) }

    /// - Parameter folder: where a made-up model may be written.
    /// - Throws: ``CommandFailure`` when the model takes something else than one float32 input of fixed row shape.
    init(_ options: BenchOptions, folder: String) throws {
        let path: String
        if let model = options.model {
            path = model
        } else if options.numbers == 64 {
            path = "\(try LabelledDigits.folder())/mlp.h5"
        } else {
            path = folder + "/dense-\(options.numbers)"
            let graph = Self.dense(width: options.numbers)
            let manifest = Manifest(name: "dense", graph: graph, createdAt: Date.now.formatted(.iso8601))
            try ModelBundle(manifest: manifest, graph: graph).write(to: path)
        }
        let inputs = try ModelFile.open(path).graph.inputs
        guard let input = inputs.first, inputs.count == 1, input.elementType == .float32, input.hasBatchDimension else {
            throw CommandFailure(.usage, "\(path): expected one float32 input with a batch dimension")
        }
        self.path = path
        inputName = input.name
        rowShape = try input.dimensions.dropFirst().map { dimension in
            guard case .fixed(let extent) = dimension else {
                throw CommandFailure(.usage, "\(path): input \"\(input.name)\" has the open dimension \(dimension)")
            }
            return extent
        }
    }

    /// width → 128 → 64 → 10 with rectifiers and a softmax, its weights uniform and reproducible.
    private static func dense(width: Int) -> Graph {
        var random = SplitMix64(state: 1)
        var nodes: [Node] = []
        var initializers: [String: Tensor] = [:]
        var value = "pixels"
        var inner = width
        for (index, units) in [128, 64, 10].enumerated() {
            let bound = 1 / Float(inner).squareRoot()
            initializers["w\(index)"] = tensor([inner, units], bound: bound, &random)
            initializers["b\(index)"] = tensor([units], bound: bound, &random)
            nodes.append(
                Node(
                    name: "dense\(index)", operatorType: "Gemm", inputs: [value, "w\(index)", "b\(index)"],
                    outputs: ["sum\(index)"]))
            value = index == 2 ? "probabilities" : "hidden\(index)"
            nodes.append(
                Node(
                    name: "activation\(index)", operatorType: index == 2 ? "Softmax" : "Relu",
                    inputs: ["sum\(index)"], outputs: [value]))
            inner = units
        }
        return Graph(
            name: "dense",
            inputs: [ValueInfo(name: "pixels", elementType: .float32, dimensions: [.batch, .fixed(width)])],
            outputs: [ValueInfo(name: "probabilities", elementType: .float32, dimensions: [.batch, .fixed(10)])],
            nodes: nodes, initializers: initializers)
    }

    private static func tensor(_ shape: Shape, bound: Float, _ random: inout SplitMix64) -> Tensor {
        Tensor(.float32, shape: shape) { buffer in
            for index in 0..<shape.elementCount {
                let number = Float.random(in: -bound...bound, using: &random)
                buffer.storeBytes(of: number, toByteOffset: index * 4, as: Float.self)
            }
        }
    }
}

/// Vigna's SplitMix64: small, and the same numbers on every machine.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
