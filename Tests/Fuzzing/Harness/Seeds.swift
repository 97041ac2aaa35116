import Foundation
import ModelFormats
import TensorEngine

/// The first inputs of each target, made from the files that the repository has anyway.
enum Seeds {
    /// Larger files take libFuzzer's mutations too seldom to the place that matters.
    private static let largest = 64 << 10

    static func write(_ target: FuzzTarget, into folder: String, packageRoot root: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let seeds =
            switch target {
            case .codec: try codec(root)
            case .bundle: try bundle(root)
            case .numpy: try numpy(root)
            case .keras:
                try files("\(root)/Tests/Fixtures/keras", ".h5") + files("\(root)/Tests/Fixtures/keras/bad", ".h5")
            }
        for (index, seed) in seeds.enumerated() where seed.count <= largest {
            try Data(seed).write(to: URL(filePath: "\(folder)/seed-\(index)"))
        }
    }

    private static func codec(_ root: String) throws -> [[UInt8]] {
        let plain = Array("content-type: application/json\nmillrace-model: m\nmillrace-version: 3".utf8)
        let binary = Array("content-type: application/octet-stream\ninference-header-content-length: *".utf8)
        let routed = Array(
            """
            mlserver-model: m\nmlserver-version: champion\nce_expirytime: 2026-11-23T19:04:05.25+01:00
            traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
            """.utf8)
        var seeds: [[UInt8]] = []
        for body in try files("\(root)/schemas/examples", ".json") {
            seeds += [plain, routed].map { Container.join([$0, body]) }
            seeds.append(Container.join([binary, body, [1, 2, 3, 4, 5, 6]]))
        }
        let types = [
            "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32",
            "FP64",
        ]
        for type in types {
            let element = type == "BOOL" ? "true,false" : "1,0"
            let numbers = #"{"inputs":[{"name":"x","shape":[2],"datatype":"\#(type)","data":[\#(element)]}]}"#
            seeds.append(Container.join([plain, Array(numbers.utf8)]))
            let size = Datatypes.bytes(type) * 2
            let raw =
                #"{"inputs":[{"name":"x","shape":[2],"datatype":"\#(type)","parameters":{"binary_data_size":\#(size)}}],"#
                + #""parameters":{"binary_data_output":true}}"#
            seeds.append(Container.join([binary, Array(raw.utf8), [UInt8](repeating: 1, count: size)]))
        }
        return seeds
    }

    private enum Datatypes {
        static func bytes(_ name: String) -> Int {
            name == "BOOL" ? 1 : (Int(String(name.drop { !$0.isNumber }.prefix { $0.isNumber })) ?? 16) / 8
        }
    }

    private static func bundle(_ root: String) throws -> [[UInt8]] {
        let folder = "\(root)/Tests/Fixtures/keras"
        var seeds: [[UInt8]] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where name.hasSuffix(".h5") {
            let path = "\(Scratch.path)/seed"
            Scratch.removeFolder("seed")
            try ModelChecks.bundle(try ModelFile.open("\(folder)/\(name)")).write(to: path)
            let parts = try ["manifest.json", "graph.json", "weights.safetensors"].map {
                [UInt8](try Data(contentsOf: URL(filePath: "\(path)/\($0)")))
            }
            seeds.append(Container.join(parts))
        }
        return seeds
    }

    private static func numpy(_ root: String) throws -> [[UInt8]] {
        let folder = "\(root)/Tests/Fixtures/keras"
        var seeds = try files(folder, ".npz")
        let types: [ElementType] = [
            .bool, .uint8, .uint16, .uint32, .uint64, .int8, .int16, .int32, .int64, .float16, .float32, .float64,
        ]
        for type in types {
            for shape in [[], [3], [2, 3], [2, 0, 2]] {
                let tensor = Tensor(type, shape: try Shape(shape)) { buffer in
                    for index in buffer.indices { buffer[index] = UInt8(index & 1) }
                }
                let path = "\(Scratch.path)/seed.npy"
                try NumPyFile.write(tensor, to: path)
                seeds.append([UInt8](try Data(contentsOf: URL(filePath: path))))
            }
        }
        return seeds
    }

    private static func files(_ folder: String, _ ending: String) throws -> [[UInt8]] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter { $0.hasSuffix(ending) }.map {
            [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\($0)")))
        }
    }
}
