public import TensorEngine

/// Where each parameter of a model lies in one flat list of float32 numbers.
public struct ParameterLayout: Sendable, Hashable {
    public struct Segment: Sendable, Hashable {
        /// Of the initializer.
        public let name: String
        public let shape: Shape
        /// In the flat list.
        public let range: Range<Int>
        /// Whether penalties and weight decay are for it.
        public let isRegularized: Bool
    }

    /// In the model's order, without gaps.
    public let segments: [Segment]
    /// Numbers in all segments together.
    public let count: Int

    public init(_ model: TrainableModel) {
        let regularized = Set(model.regularized)
        var segments: [Segment] = []
        var offset = 0
        for name in model.parameters {
            guard let shape = model.graph.initializers[name]?.shape else { continue }
            segments.append(
                Segment(
                    name: name, shape: shape, range: offset..<offset + shape.elementCount,
                    isRegularized: regularized.contains(name)))
            offset += shape.elementCount
        }
        (self.segments, count) = (segments, offset)
    }

    /// The parameters of a graph in one list.
    /// - Precondition: the graph has the model's initializers.
    public func values(of graph: Graph) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            buffer.initialize(repeating: 0)
            for segment in segments {
                guard let tensor = graph.initializers[segment.name] else { continue }
                precondition(
                    tensor.shape == segment.shape, "'\(segment.name)' is \(tensor.shape), not \(segment.shape)")
                tensor.withElements(Float.self) { elements in
                    _ = UnsafeMutableBufferPointer(rebasing: buffer[segment.range]).update(from: elements)
                }
            }
            initializedCount = count
        }
    }

    /// The parameters as tensors, parallel to ``segments``.
    /// - Precondition: there are ``count`` values.
    public func tensors(of values: [Float]) -> [Tensor] {
        precondition(values.count == count, "found \(values.count) parameters, expected \(count)")
        return segments.map { segment in
            Tensor(.float32, shape: segment.shape) { bytes in
                values[segment.range].withUnsafeBytes { if !$0.isEmpty { bytes.copyMemory(from: $0) } }
            }
        }
    }

    /// Puts the parameters back into a graph.
    public func store(_ values: [Float], in graph: inout Graph) {
        for (segment, tensor) in zip(segments, tensors(of: values)) { graph.initializers[segment.name] = tensor }
    }

    /// Neighbouring segments that are treated alike, as one range each.
    func runs(regularizesAll: Bool) -> [(range: Range<Int>, isRegularized: Bool)] {
        var runs: [(range: Range<Int>, isRegularized: Bool)] = []
        for segment in segments where !segment.range.isEmpty {
            let isRegularized = regularizesAll || segment.isRegularized
            if let last = runs.last, last.isRegularized == isRegularized {
                runs[runs.count - 1].range = last.range.lowerBound..<segment.range.upperBound
            } else {
                runs.append((segment.range, isRegularized))
            }
        }
        return runs
    }
}
