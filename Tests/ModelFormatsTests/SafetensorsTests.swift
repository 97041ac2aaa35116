import Foundation
import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// The weights file of a bundle, without verification, so that its own checks are what answers.
@Suite struct SafetensorsTests {
    static func weights(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
        let text = Array(header.utf8)
        let length = length ?? UInt64(text.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + text + [UInt8](repeating: 0, count: data)
    }

    private func load(_ weights: [UInt8]) throws -> ModelBundle {
        let folder = try TemporaryFolder()
        let tensor = Tensor(zeros: .float32, shape: [2])
        let graph = Graph(name: "g", inputs: [], outputs: [], nodes: [], initializers: ["a": tensor])
        let manifest = Manifest(name: "g", graph: graph, createdAt: "2024-05-06T07:08:09Z")
        let path = "\(folder.path)/g"
        try ModelBundle(manifest: manifest, graph: graph).write(to: path)
        try Data(weights).write(to: URL(filePath: "\(path)/weights.safetensors"))
        return try ModelBundle.load(at: path, verify: false)
    }

    @Test func readsAPlainFile() throws {
        let header = #"{"__metadata__": {"by": "hand"}, "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}"#
        #expect(try load(Self.weights(header, data: 8)).graph.initializers["a"]?.shape == [2])
        // Data that is not aligned to its elements is copied.
        let unaligned = Self.weights(header + " ", data: 8)
        #expect(try load(unaligned).graph.initializers["a"]?.elements(as: Float.self) == [0, 0])
    }

    @Test func dataIsAligned() throws {
        let folder = try TemporaryFolder()
        let tensors: [String: Tensor] = [
            "bytes": Tensor(zeros: .uint8, shape: [3]), "wide": Tensor(zeros: .float64, shape: [5]),
            "half": Tensor(zeros: .float16, shape: [1]), "weights": Tensor(zeros: .float32, shape: [7]),
        ]
        let graph = Graph(name: "g", inputs: [], outputs: [], nodes: [], initializers: tensors)
        let manifest = Manifest(name: "g", graph: graph, createdAt: "2024-05-06T07:08:09Z")
        try ModelBundle(manifest: manifest, graph: graph).write(to: "\(folder.path)/g")
        let file = try bytes(of: "\(folder.path)/g/weights.safetensors")
        let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect((8 + length) % 64 == 0)
        #expect(file.count == 8 + length + 3 + 40 + 2 + 28)
        let read = try ModelBundle.load(at: "\(folder.path)/g")
        for (name, tensor) in read.graph.initializers {
            let address = tensor.withBytes { Int(bitPattern: $0.baseAddress) }
            #expect(address % tensor.elementType.byteCount == 0, "\(name)")
        }
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let reason: ModelFormatError.Reason
        let mention: String

        init(_ title: String, _ bytes: [UInt8], _ reason: ModelFormatError.Reason, _ mention: String) {
            testDescription = title
            self.bytes = bytes
            self.reason = reason
            self.mention = mention
        }
    }

    static func one(_ dtype: String, _ shape: String, _ offsets: String) -> String {
        #"{"a": {"dtype": "\#(dtype)", "shape": \#(shape), "data_offsets": \#(offsets)}}"#
    }

    static let hostile: [Hostile] = [
        Hostile("empty", [], .truncated, "header"),
        Hostile("seven bytes", [1, 0, 0, 0, 0, 0, 0], .truncated, "header"),
        Hostile("length 2^64 - 1", weights("{}", data: 0, length: .max), .tooLarge, "header"),
        Hostile("length 2^63", weights("{}", data: 0, length: 1 << 63), .tooLarge, "header"),
        Hostile("length beyond the file", weights("{}", data: 0, length: 100), .truncated, "header"),
        Hostile("not JSON", weights("weights", data: 8), .malformed, "header"),
        Hostile("not an object", weights("[1]", data: 8), .malformed, "header"),
        Hostile("not UTF-8", [2, 0, 0, 0, 0, 0, 0, 0, 0xC3, 0x28], .malformed, "header"),
        Hostile("no dtype", weights(#"{"a": {"shape": [2], "data_offsets": [0, 8]}}"#, data: 8), .malformed, "dtype"),
        Hostile("unknown dtype", weights(one("C64", "[1]", "[0, 8]"), data: 8), .unsupported, "C64"),
        Hostile("negative extent", weights(one("F32", "[-2]", "[0, 8]"), data: 8), .malformed, "negative"),
        Hostile(
            "shape overflows", weights(one("F32", "[4294967296, 4294967296]", "[0, 8]"), data: 8), .malformed,
            "overflows"),
        Hostile(
            "bytes overflow", weights(one("F32", "[4611686018427387904]", "[0, 0]"), data: 0), .malformed, "do not fit"),
        Hostile("one offset", weights(one("F32", "[2]", "[0]"), data: 8), .malformed, "expected 2"),
        Hostile("end before begin", weights(one("F32", "[2]", "[8, 0]"), data: 8), .malformed, "do not fit"),
        Hostile("negative begin", weights(one("F32", "[2]", "[-8, 0]"), data: 8), .malformed, "do not fit"),
        Hostile(
            "extreme offsets", weights(one("F32", "[2]", "[-9223372036854775808, 9223372036854775807]"), data: 8),
            .malformed, "do not fit"),
        Hostile("wrong size", weights(one("F32", "[2]", "[0, 4]"), data: 4), .malformed, "do not fit"),
        Hostile("beyond the data", weights(one("F32", "[2]", "[0, 8]"), data: 7), .truncated, "7 bytes"),
        Hostile("data left over", weights(one("F32", "[2]", "[0, 8]"), data: 9), .malformed, "9 bytes"),
        Hostile("gap", weights(one("F32", "[2]", "[4, 12]"), data: 12), .malformed, "gap"),
        Hostile(
            "overlap",
            weights(
                #"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}"#,
                data: 8), .malformed, "overlap"),
        Hostile("another tensor only", weights("{}", data: 0), .malformed, "no tensor 'a'"),
        Hostile(
            "boolean 2",
            Array(weights(one("BOOL", "[1]", "[0, 1]"), data: 0)) + [2], .malformed, "neither 0 nor 1"),
    ]

    @Test(arguments: hostile)
    func isRefused(_ hostile: Hostile) throws {
        let error = try error { _ = try load(hostile.bytes) }
        #expect(error.reason == hostile.reason, "\(error)")
        #expect(error.description.contains(hostile.mention), "\(error)")
    }
}
