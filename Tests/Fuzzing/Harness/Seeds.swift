import Foundation
import JSONDocuments
import ModelFormats
import Serving
import SwiftProtobuf
import TensorEngine

/// The first inputs of each target, made from the files that the repository has anyway.
enum Seeds {
    /// Larger files take libFuzzer's mutations too seldom to the place that matters.
    private static let largest = 64 << 10

    static func write(_ target: FuzzTarget, into folder: String, packageRoot root: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let seeds =
            switch target {
            case .codec: try codec(root) + protobuf(root) + rawBodies()
            case .bundle: try bundle(root)
            case .numpy: try numpy(root)
            case .keras: try keras(root)
            case .hdf5:
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
        for type in Datatypes.names {
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

    /// The fixtures' messages, and one of each datatype in each form.
    private static func protobuf(_ root: String) throws -> [[UInt8]] {
        let headers = Array("content-type: application/x-protobuf\nmillrace-model: m".utf8)
        let text = [UInt8](try Data(contentsOf: URL(filePath: "\(root)/Tests/Fixtures/protobuf/messages.json")))
        var messages: [[UInt8]] = []
        if case .object(let members) = try JSONValue(parsing: text), case .array(let list)? = members["requests"] {
            for case .object(let entry) in list {
                if case .string(let digits)? = entry["message"] { messages.append(unhexed(digits)) }
            }
        }
        for type in Datatypes.names {
            var request = Inference_ModelInferRequest()
            request.id = "r"
            var input = Inference_ModelInferRequest.InferInputTensor()
            input.name = "x"
            input.datatype = type
            input.shape = [1, 2]
            request.inputs = [input]
            request.rawInputContents = [Data(repeating: 1, count: Datatypes.bytes(type) * 2)]
            messages.append(try request.serializedBytes())
            request.rawInputContents = []
            var contents = Inference_InferTensorContents()
            switch type {
            case "BOOL": contents.boolContents = [true, false]
            case "INT64": contents.int64Contents = [1, -1]
            case "UINT64": contents.uint64Contents = [1, .max]
            case "FP32": contents.fp32Contents = [1, .nan]
            case "FP64": contents.fp64Contents = [1, -.infinity]
            case let name where name.hasPrefix("U"): contents.uintContents = [1, 255]
            default: contents.intContents = [1, -1]
            }
            request.inputs[0].contents = contents
            messages.append(try request.serializedBytes())
        }
        return messages.map { Container.join([headers, $0]) }
    }

    private static func unhexed(_ digits: String) -> [UInt8] {
        let bytes = Array(digits.utf8)
        return stride(from: 0, to: bytes.count - 1, by: 2).compactMap {
            UInt8(String(decoding: bytes[$0...($0 + 1)], as: UTF8.self), radix: 16)
        }
    }

    private static func rawBodies() -> [[UInt8]] {
        Datatypes.names.flatMap { type in
            [
                "", "\nmillrace-datatype: \(type)",
                "\nmillrace-datatype: \(type)\nmillrace-shape: 1,2\nmillrace-input: x",
            ].map {
                let headers = "content-type: application/octet-stream\($0)\nmillrace-output: y"
                return Container.join([Array(headers.utf8), [UInt8](repeating: 1, count: Datatypes.bytes(type) * 2)])
            }
        }
    }

    /// What the fixtures' files answer, once with their own weights and once with weights of any shape.
    private static func keras(_ root: String) throws -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for folder in ["\(root)/Tests/Fixtures/keras", "\(root)/Tests/Fixtures/keras/bad"] {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where name.hasSuffix(".h5")
            {
                // A file that is refused has answered something before.
                let record = try? HDF5File.withFile("\(folder)/\(name)", limits: .default) { file in
                    let recording = RecordingFile(file)
                    _ = try? KerasImporter.read(recording)
                    return recording.record
                }
                guard let record else { continue }
                seeds += [record.encoded, record.obliging.encoded]
            }
        }
        return seeds
    }

    private enum Datatypes {
        static let names = [
            "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32",
            "FP64",
        ]

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
