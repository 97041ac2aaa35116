import JSONDocuments
import ModelFormats
import TensorEngine

/// Everything of the Keras reader behind libhdf5: an input is `keras_version`, `model_config` and, as JSON, the lists and
/// weights of a file (``KerasRecord``), with separators between them.
enum KerasFuzzing {
    static func run(_ input: UnsafeBufferPointer<UInt8>) {
        let parts = input.parts(3)
        guard parts.count == 3, let record = KerasRecord(parts) else { return }
        ModelChecks.check(isThorough: input.count % 8 == 0) { () throws(ModelFormatError) in
            let (graph, version) = try KerasImporter.read(record.opened())
            let source = ModelSource(framework: "keras", version: version, fileName: "model.h5", sha256: "")
            return ImportedModel(graph: graph, source: source, metadata: [:])
        }
    }
}

/// What a Keras file answers, without the file: texts, lists of texts and shapes of weights by path.
struct KerasRecord {
    var version: String?
    var config: String?
    /// By "group#attribute".
    var lists: [String: [String]] = [:]
    /// By path; nil for a weight that has whatever shape is asked for.
    var shapes: [String: [Int]?] = [:]

    init() {}

    /// - Returns: nil for parts that no file could answer with.
    init?(_ parts: [ArraySlice<UInt8>]) {
        version = String(validating: parts[0], as: UTF8.self)
        config = String(validating: parts[1], as: UTF8.self)
        guard case .object(let members)? = try? JSONValue(parsing: parts[2]),
            case .object(let lists)? = members["lists"], case .object(let shapes)? = members["weights"]
        else { return nil }
        for (path, value) in lists {
            guard case .array(let values) = value else { continue }
            self.lists[path] = values.compactMap { if case .string(let text) = $0 { text } else { nil } }
        }
        for (path, value) in shapes {
            guard case .array(let extents) = value else {
                self.shapes[path] = .some(nil)
                continue
            }
            self.shapes[path] = extents.compactMap { if case .integer(let extent) = $0 { Int(extent) } else { nil } }
        }
    }

    /// As an input.
    var encoded: [UInt8] {
        let content = JSONValue.object([
            "lists": .object(lists.mapValues { .array($0.map { .string($0) }) }),
            "weights": .object(
                shapes.mapValues { $0.map { .array($0.map { .integer(Int64($0)) }) } ?? .string("any") }),
        ])
        return Container.join([
            Array((version ?? "").utf8), Array((config ?? "").utf8), content.serialized(.compact),
        ])
    }

    /// The same with weights that fit whatever the configuration says.
    var obliging: KerasRecord {
        var copy = self
        copy.shapes = shapes.mapValues { _ in nil }
        return copy
    }

    func opened() -> some KerasContainer { RecordedFile(record: self) }
}

/// Answers from a record.
private final class RecordedFile: KerasContainer {
    let path = "model.h5"
    let limits = ModelFormatLimits.default
    private let record: KerasRecord
    /// Elements that may still be given, as a file's length bounds them.
    private var budget = 1 << 18

    init(record: KerasRecord) { self.record = record }

    func text(_ name: String, of group: [Substring], at location: String) throws(ModelFormatError) -> String? {
        switch name {
        case "model_config": record.config
        case "keras_version": record.version
        default: nil
        }
    }

    func textList(_ name: String, of group: [Substring], at location: String) throws(ModelFormatError) -> [String]? {
        record.lists["\(group.joined(separator: "/"))#\(name)"]
    }

    func float32(
        _ components: [Substring], expected: [Int], at location: String
    ) throws(ModelFormatError) -> Tensor {
        guard let found = record.shapes[components.joined(separator: "/")] else {
            throw ModelFormatError(.missing, file: path, at: location, "the file has no such object")
        }
        if let found, found != expected {
            throw ModelFormatError(
                .mismatch, file: path, at: location, "found the shape \(found), expected \(expected)")
        }
        let shape: Shape
        do { shape = try Shape(expected) } catch {
            throw ModelFormatError(.tooLarge, file: path, at: location, error.description)
        }
        guard shape.elementCount <= budget else {
            throw ModelFormatError(.malformed, file: path, at: location, "more elements than bytes")
        }
        budget -= shape.elementCount
        return Tensor(zeros: .float32, shape: shape)
    }
}

/// Passes a file's answers on and keeps them.
final class RecordingFile: KerasContainer {
    private(set) var record = KerasRecord()
    private let file: HDF5File

    init(_ file: HDF5File) { self.file = file }

    var path: String { file.path }
    var limits: ModelFormatLimits { file.limits }

    func text(_ name: String, of group: [Substring], at location: String) throws(ModelFormatError) -> String? {
        let text = try file.text(name, of: group, at: location)
        if name == "model_config" { record.config = text } else { record.version = text }
        return text
    }

    func textList(_ name: String, of group: [Substring], at location: String) throws(ModelFormatError) -> [String]? {
        let list = try file.textList(name, of: group, at: location)
        record.lists["\(group.joined(separator: "/"))#\(name)"] = list
        return list
    }

    func float32(
        _ components: [Substring], expected: [Int], at location: String
    ) throws(ModelFormatError) -> Tensor {
        let tensor = try file.float32(components, expected: expected, at: location)
        record.shapes[components.joined(separator: "/")] = .some(expected)
        return tensor
    }
}
