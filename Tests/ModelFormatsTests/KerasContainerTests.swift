import Glibc
import ModelFormats
import TensorEngine
import Testing

/// Configurations that ask for more time or memory than they are long.
@Suite struct KerasContainerTests {
    /// A file in memory, whose weights have whatever shape is asked for.
    private final class File: KerasContainer {
        let path = "model.h5"
        let limits = ModelFormatLimits.default
        let config: String
        let weights: [String: [String]]
        let largest: Int

        init(_ config: String, weights: [String: [String]] = [:], largest: Int = 1 << 20) {
            self.config = config
            self.weights = weights
            self.largest = largest
        }

        func text(_ name: String, of group: [Substring], at location: String) throws(ModelFormatError) -> String? {
            name == "model_config" ? config : "3.10.0"
        }

        func textList(
            _ name: String, of group: [Substring], at location: String
        ) throws(ModelFormatError) -> [String]? {
            name == "layer_names" ? weights.keys.sorted() : weights[group.dropFirst().joined(separator: "/")]
        }

        func float32(
            _ components: [Substring], expected: [Int], at location: String
        ) throws(ModelFormatError) -> Tensor {
            guard let shape = try? Shape(expected), shape.elementCount <= largest else {
                throw ModelFormatError(.mismatch, file: path, at: location, "found [3], expected \(expected)")
            }
            return Tensor(zeros: .float32, shape: shape)
        }
    }

    private static func model(layers: String, outputs: String) -> String {
        """
        {"class_name":"Functional","config":{"name":"m","layers":[{"class_name":"InputLayer","name":"x",
        "config":{"name":"x","batch_shape":[null,268435456],"dtype":"float32"},"inbound_nodes":[]},\(layers)],
        "input_layers":[["x",0,0]],"output_layers":[\(outputs)]}}
        """
    }

    /// Each repetition was once numbered from 1: the time grew with the square of their number.
    @Test(.timeLimit(.minutes(1)))
    func anOutputThatIsNamedManyTimes() throws {
        let count = 60_000
        let relu =
            #"{"class_name":"ReLU","name":"r","config":{"name":"r"},"inbound_nodes":[[["x",0,0,{}]]]}"#
        let outputs = [String](repeating: #"["r",0,0]"#, count: count).joined(separator: ",")
        let (graph, _) = try KerasImporter.read(File(Self.model(layers: relu, outputs: outputs)))
        #expect(graph.outputs.prefix(3).map(\.name) == ["r", "r_1", "r_2"])
        #expect(Set(graph.outputs.map(\.name)).count == count)
    }

    @Test(.timeLimit(.minutes(1)))
    func aLayerThatIsCalledManyTimes() throws {
        let count = 60_000
        let calls = [String](repeating: #"[["x",0,0,{}]]"#, count: count).joined(separator: ",")
        let relu = #"{"class_name":"ReLU","name":"r","config":{"name":"r"},"inbound_nodes":[\#(calls)]}"#
        let last = #"["r",\#(count - 1),0]"#
        let (graph, _) = try KerasImporter.read(File(Self.model(layers: relu, outputs: last)))
        #expect(graph.nodes.count == count)
        #expect(Set(graph.nodes.map(\.name)).count == count)
    }

    /// 2^28 channels of which the file holds none: gigabytes of neutral constants were made before that was found.
    @Test func normalizationOfMoreChannelsThanTheFileHolds() throws {
        let layer = #"""
            {"class_name":"BatchNormalization","name":"b","config":{"name":"b","axis":[1],"scale":false,"center":false},
            "inbound_nodes":[[["x",0,0,{}]]]}
            """#
        let file = File(
            Self.model(layers: layer, outputs: #"["b",0,0]"#),
            weights: ["b": ["b/moving_mean:0", "b/moving_variance:0"]])
        let before = Self.peakMemory
        let error = try error { _ = try KerasImporter.read(file) }
        #expect(error.reason == .mismatch)
        #expect(error.location.contains("moving_mean"), "\(error)")
        #expect(Self.peakMemory - before < 512 << 20)
    }

    /// Of this process, in bytes.
    private static var peakMemory: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Int(usage.ru_maxrss) << 10
    }
}
