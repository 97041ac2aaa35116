import Foundation
import ModelFormats
import TensorEngine
import TestSupport
import Testing

extension Fixtures {
    /// `digits/…` are the demonstration's files, `keras/…` the small models.
    static func path(_ name: String) -> String {
        name.hasPrefix("digits/") ? "\(digits)/\(name.dropFirst("digits/".count))" : "\(root)/Tests/Fixtures/\(name)"
    }

    /// The arrays of an `.npz` by name.
    static func arrays(_ name: String) throws -> [String: Tensor] {
        Dictionary(uniqueKeysWithValues: try NumPyArchive.read(path(name)).map { ($0.name, $0.tensor) })
    }

    /// "activations.keras2", …: every small Keras model.
    static let kerasModels: [String] = {
        kerasFiles(".h5").map { String($0.dropLast(3)) }
    }()

    /// "recurrent.keras3", …: those that are there as archives (`.keras`).
    static let kerasArchives: [String] = kerasFiles(".keras").map { String($0.dropLast(6)) }

    private static func kerasFiles(_ suffix: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: path("keras"))) ?? []
        return files.filter { $0.hasSuffix(suffix) }.sorted()
    }
}

extension TemporaryFolder {
    func file(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(filePath: file))
        return file
    }
}

func bytes(of file: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: file)))
}

/// Runs a graph on inputs by name and returns its outputs by name.
func run(_ graph: Graph, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
    let compiled = try CompiledGraph(graph)
    let tensors = try graph.inputs.map { try #require(inputs[$0.name], "no input '\($0.name)'") }
    let outputs = try compiled.run(tensors, on: ExecutionContext())
    return Dictionary(uniqueKeysWithValues: zip(graph.outputs.map(\.name), outputs))
}

/// The largest |a − b| / max(1, |b|).
func largestDifference(_ found: Tensor, _ expected: Tensor) throws -> Float {
    let found = try found.elements(as: Float.self)
    let expected = try expected.elements(as: Float.self)
    try #require(found.count == expected.count)
    return zip(found, expected).reduce(0) { worst, pair in
        let difference = abs(pair.0 - pair.1) / max(1, abs(pair.1))
        // NaN is the worst of all.
        return difference <= worst ? worst : difference.isNaN ? .infinity : difference
    }
}

/// The error that `body` throws.
func error(of body: () throws -> Void) throws -> ModelFormatError {
    try #require(throws: ModelFormatError.self) { try body() }
}

extension Tensor {
    /// One row as a batch of one.
    func row(_ index: Int) throws -> Tensor {
        let shape = try shape.withLeadingDimension(1)
        let size = shape.elementCount * elementType.byteCount
        return try withBytes { bytes in
            try Tensor(
                elementType, shape: shape,
                bytes: UnsafeRawBufferPointer(rebasing: bytes[index * size..<(index + 1) * size]))
        }
    }
}
