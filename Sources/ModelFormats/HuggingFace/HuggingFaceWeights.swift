import JSONDocuments
import TensorEngine

/// The tensors of `model.safetensors`, or of the files that `model.safetensors.index.json` lists.
struct HuggingFaceWeights {
    let file: String
    private let tensors: [String: Tensor]
    /// Of the file, or of the index.
    let sha256: String

    init(_ folder: HuggingFaceFolder) throws(ModelFormatError) {
        let (single, index) = ("model.safetensors", "model.safetensors.index.json")
        if folder.has(single) {
            let file = try folder.bytes(single)
            self.file = file.path
            tensors = try Safetensors.read(file, limits: folder.limits)
            sha256 = file.sha256()
            return
        }
        guard let root = try folder.json(index) else {
            let hint =
                folder.has("pytorch_model.bin") ? "; pytorch_model.bin is not read: save with safe_serialization" : ""
            throw ModelFormatError(.missing, file: folder.path, "found neither \(single) nor \(index)\(hint)")
        }
        file = "\(folder.path)/\(index)"
        let map = try readingJSON(of: file) { () throws(JSONError) -> [(name: String, file: String)] in
            var map: [(name: String, file: String)] = []
            for (name, shard) in try root.member("weight_map").members() { map.append((name, try shard.string())) }
            return map
        }
        var shards: [String: [String: Tensor]] = [:]
        var tensors: [String: Tensor] = [:]
        for (name, shard) in map {
            let place = "tensor '\(name)'"
            let shard = try folder.checked(shard, in: index, at: place)
            if shards[shard] == nil {
                let read = try Safetensors.read(try folder.bytes(shard), limits: folder.limits)
                for other in read.keys.sorted() where shards.values.contains(where: { $0[other] != nil }) {
                    throw ModelFormatError(
                        .malformed, file: "\(folder.path)/\(shard)", at: "tensor '\(other)'",
                        "is in another file as well")
                }
                shards[shard] = read
            }
            guard let tensor = shards[shard]?[name] else {
                throw ModelFormatError(.missing, file: "\(folder.path)/\(shard)", at: place, "is not in the file")
            }
            tensors[name] = tensor
        }
        self.tensors = tensors
        sha256 = try folder.bytes(index).sha256()
    }

    func has(_ name: String) -> Bool { tensors[name] != nil }

    /// A tensor as float32.
    func tensor(_ name: String, _ dimensions: [Int]) throws(ModelFormatError) -> Tensor {
        let place = "tensor '\(name)'"
        guard let tensor = tensors[name] else {
            throw ModelFormatError(.missing, file: file, at: place, "is not in the file")
        }
        guard tensor.shape.dimensions == dimensions else {
            throw ModelFormatError(
                .mismatch, file: file, at: place, "found shape \(tensor.shape), config.json says \(dimensions)")
        }
        guard tensor.elementType.isFloatingPoint, let result = tensor.converted(to: .float32) else {
            throw ModelFormatError(
                .unsupported, file: file, at: place, "found \(tensor.elementType.rawValue), expected floating point")
        }
        return result
    }
}
