package import TensorEngine

/// One step of gradient descent: a compiled graph of loss and gradients, the parameters in one flat list, and the buffers
/// between them. Once warm, a step allocates nothing. Not for several threads at once.
package final class TrainingStep {
    package let layout: ParameterLayout
    /// The forward graph's inputs: the model's, the labels, the rows' weights if there are any.
    package let inputs: [ValueInfo]
    /// Shape of the predictions of one row, as they were declared.
    package let predictions: ValueInfo
    /// The initializers that operators update by themselves, in order.
    package var stateNames: [String] { differentiated.states.map(\.initializer) }

    private let differentiated: DifferentiatedGraph
    private let compiled: CompiledGraph
    private let context = ExecutionContext()
    private let parameters: FloatBuffer
    private let gradients: FloatBuffer
    private var states: [FloatBuffer] = []
    private var nextStates: [FloatBuffer] = []
    private let stateShapes: [Shape]
    private let loss = FloatBuffer(1)
    private var predictionBuffer = FloatBuffer(0)

    /// - Throws: ``FitError/graph(_:)`` when an operator has no gradient, or the graph does not compile.
    package init(_ lossGraph: LossGraph, model: TrainableModel) throws(FitError) {
        layout = ParameterLayout(model)
        let graph = lossGraph.graph
        inputs = graph.inputs
        predictions = graph.outputs[1]
        do throws(GraphError) {
            differentiated = try Differentiation.differentiate(
                graph, loss: lossGraph.loss, parameters: model.parameters, outputs: [lossGraph.predictions])
            compiled = try CompiledGraph(differentiated.graph)
        } catch {
            throw .graph(error)
        }
        parameters = FloatBuffer(layout.values(of: graph))
        gradients = FloatBuffer(layout.count)
        stateShapes = differentiated.states.map { graph.initializers[$0.initializer]?.shape ?? [] }
        for state in differentiated.states {
            let values = graph.initializers[state.initializer]?.withElements(Float.self) { Array($0) } ?? []
            states.append(FloatBuffer(values))
            nextStates.append(FloatBuffer(values.count))
        }
    }

    /// Computes the loss and the gradients of a batch.
    /// - Parameters:
    ///   - batch: one buffer for each of ``inputs``, of `rows` rows.
    ///   - seed: what dropout draws from.
    /// - Returns: the mean loss over the batch.
    /// - Throws: ``FitError/graph(_:)``.
    package func run(batch: [UnsafeRawBufferPointer], rows: Int, seed: Int64) throws(FitError) -> Float {
        do throws(GraphError) {
            let plan = try plan(rows)
            var sources = batch
            for segment in layout.segments { sources.append(parameters.bytes(segment.range)) }
            for state in states { sources.append(state.bytes()) }
            let predictionCount = plan.outputByteCount(1) / 4
            if predictionBuffer.count < predictionCount { predictionBuffer = FloatBuffer(predictionCount) }
            var targets = [loss.mutableBytes(), predictionBuffer.mutableBytes(0..<predictionCount)]
            for segment in layout.segments { targets.append(gradients.mutableBytes(segment.range)) }
            for state in nextStates { targets.append(state.mutableBytes()) }
            var seed = seed
            if differentiated.seedInput == nil {
                try context.run(plan, inputs: sources, outputs: targets)
            } else {
                // withUnsafeBytes rethrows without the type.
                let result: Result<Void, GraphError> = withUnsafeBytes(of: &seed) { bytes in
                    do throws(GraphError) {
                        return .success(try context.run(plan, inputs: sources + [bytes], outputs: targets))
                    } catch {
                        return .failure(error)
                    }
                }
                try result.get()
            }
        } catch {
            throw .graph(error)
        }
        return loss.pointer[0]
    }

    /// Changes the parameters by the gradients of the last batch, and takes over what operators updated.
    @discardableResult
    package func apply(_ optimizer: inout Optimizer) -> Optimizer.Step {
        swap(&states, &nextStates)
        return optimizer.step(parameters: parameters.all, gradients: gradients.all)
    }

    package var parameterValues: [Float] {
        get { Array(parameters.all) }
        set {
            precondition(newValue.count == layout.count, "\(newValue.count) parameters, expected \(layout.count)")
            _ = parameters.all.update(from: newValue)
        }
    }

    package var gradientValues: [Float] { Array(gradients.all) }

    /// The values that operators update by themselves, parallel to ``stateNames``.
    package var stateValues: [[Float]] {
        get { states.map { Array($0.all) } }
        set {
            precondition(newValue.map(\.count) == states.map(\.count), "states of other sizes")
            for (state, values) in zip(states, newValue) { _ = state.all.update(from: values) }
        }
    }

    package var stateTensors: [Tensor] { stateValues.enumerated().map { tensor(of: $1, state: $0) } }

    /// Puts the parameters and states back into the model's graph.
    package func store(in graph: inout Graph, parameters: [Float], states: [[Float]]) {
        layout.store(parameters, in: &graph)
        for (index, name) in stateNames.enumerated() {
            graph.initializers[name] = tensor(of: states[index], state: index)
        }
    }

    private func tensor(of values: [Float], state: Int) -> Tensor {
        Tensor(.float32, shape: stateShapes[state]) { target in
            values.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
        }
    }

    private func plan(_ rows: Int) throws(GraphError) -> ExecutionPlan {
        var shapes: [Shape] = []
        for input in differentiated.graph.inputs {
            let extents = input.dimensions.map { dimension in
                if case .fixed(let extent) = dimension { extent } else { rows }
            }
            do throws(TensorError) { shapes.append(try Shape(extents)) } catch {
                throw GraphError(.shapeMismatch, "input '\(input.name)': \(error.description)")
            }
        }
        return try compiled.plan(inputShapes: shapes)
    }
}

/// Floats at an address that stays.
package final class FloatBuffer {
    package let pointer: UnsafeMutablePointer<Float>
    package let count: Int

    package init(_ count: Int) {
        self.count = count
        let bytes = max(count, 1) * MemoryLayout<Float>.stride
        pointer = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64).bindMemory(
            to: Float.self, capacity: max(count, 1))
        pointer.initialize(repeating: 0, count: max(count, 1))
    }

    package convenience init(_ values: [Float]) {
        self.init(values.count)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { pointer.update(from: base, count: source.count) }
        }
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }

    package var all: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: pointer, count: count) }

    package func bytes(_ range: Range<Int>? = nil) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(mutableBytes(range))
    }

    package func mutableBytes(_ range: Range<Int>? = nil) -> UnsafeMutableRawBufferPointer {
        let range = range ?? 0..<count
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count) floats")
        return UnsafeMutableRawBufferPointer(start: pointer + range.lowerBound, count: range.count * 4)
    }
}
