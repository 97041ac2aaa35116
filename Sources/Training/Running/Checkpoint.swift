import Glibc
import JSONDocuments
import ModelFormats
import TensorEngine

/// All that a fit needs to go on as if it had not stopped.
struct Checkpoint {
    var state: FitState
    var parameters: [Float]
    var states: [[Float]]
    var optimizerState: [String: Tensor]
    var bestValue: Double?
    var bestEpoch: Int?
    var waited = 0

    init(state: FitState, parameters: [Float], states: [[Float]], optimizer: Optimizer) {
        (self.state, self.parameters, self.states) = (state, parameters, states)
        optimizerState = optimizer.exportState()
        (bestValue, bestEpoch, waited) = (state.stopping?.best, state.stopping?.bestEpoch, state.stopping?.waited ?? 0)
    }

    init(state: FitState, parameters: [Float], states: [[Float]], optimizerState: [String: Tensor]) {
        (self.state, self.parameters, self.states) = (state, parameters, states)
        self.optimizerState = optimizerState
    }
}

/// The file that a fit's checkpoint is in: replaced as a whole, so that a crash leaves the last one or the one before.
///
/// It is a safetensors file; what are no tensors is JSON in a tensor of bytes, `state`.
struct CheckpointFile {
    private static let format = 1

    private let path: String
    /// What the checkpoint is of: the request, the rows, the split. Another fit's is not read.
    private let identity: String

    init(_ path: String, identity: String) { (self.path, self.identity) = (path, identity) }

    /// - Returns: nil without a file, and for one that is damaged or another fit's: the fit then begins anew.
    func read() throws(FitError) -> Checkpoint? {
        guard access(path, F_OK) == 0 else { return nil }
        guard let tensors = try? SafetensorsFile.tensors(of: path),
            let text = tensors["state"]?.withElements(UInt8.self, { Array($0) }),
            let json = try? JSONValue(parsing: text)
        else { return nil }
        return try? checkpoint(JSONCursor(json), tensors)
    }

    /// - Throws: ``FitError/checkpoint(_:)`` when the disk refuses.
    func write(_ checkpoint: Checkpoint) throws(FitError) {
        var tensors = ["parameters": Self.tensor(checkpoint.parameters)]
        for (name, tensor) in checkpoint.optimizerState { tensors["optimizer/\(name)"] = tensor }
        for (index, values) in checkpoint.states.enumerated() { tensors["states/\(index)"] = Self.tensor(values) }
        if let best = checkpoint.state.best {
            tensors["best/parameters"] = Self.tensor(best.parameters)
            for (index, values) in best.states.enumerated() { tensors["best/states/\(index)"] = Self.tensor(values) }
        }
        tensors["state"] = Self.tensor(json(checkpoint).serialized(.compact))
        do throws(ModelFormatError) { try SafetensorsFile.write(tensors, to: path) } catch {
            throw .checkpoint(error.description)
        }
    }

    /// The fit is over.
    func remove() { unlink(path) }

    private func json(_ checkpoint: Checkpoint) -> JSONValue {
        let state = checkpoint.state
        var members: [String: JSONValue] = [
            "format": .integer(Int64(Self.format)), "identity": .string(identity),
            "epoch": .integer(Int64(state.epoch)),
            "batch": .integer(Int64(state.batch)), "step": .integer(Int64(state.step)),
            // By their bits: decimal numbers would have to be read back exactly.
            "loss_sum": .string(String(state.lossSum.bitPattern, radix: 16)), "rows": .integer(Int64(state.rowCount)),
            "learning_rate": .string(String(state.learningRate.bitPattern, radix: 16)),
            "history": .array(state.history.map(\.json)), "stopped": .bool(state.isStopped),
            "waited": .integer(Int64(checkpoint.waited)), "states": .integer(Int64(checkpoint.states.count)),
        ]
        if let best = checkpoint.bestValue { members["best"] = .string(String(best.bitPattern, radix: 16)) }
        if let epoch = checkpoint.bestEpoch { members["best_epoch"] = .integer(Int64(epoch)) }
        return .object(members)
    }

    private func checkpoint(_ json: JSONCursor, _ tensors: [String: Tensor]) throws(JSONError) -> Checkpoint? {
        guard try json.member("format").integer() == Self.format, try json.member("identity").string() == identity
        else { return nil }
        func count(_ name: String) throws(JSONError) -> Int {
            try json.member(name).boundedInteger(0...Int.max)
        }
        func number(_ name: String) throws(JSONError) -> Double? {
            guard let member = try json.optionalMember(name) else { return nil }
            guard let bits = UInt64(try member.string(), radix: 16) else { throw member.mismatch("bits of a number") }
            return Double(bitPattern: bits)
        }
        func floats(_ name: String) -> [Float]? {
            guard let tensor = tensors[name], tensor.elementType == .float32 else { return nil }
            return tensor.withElements(Float.self) { Array($0) }
        }
        var state = FitState(stopping: nil)
        (state.epoch, state.batch, state.step) = (try count("epoch"), try count("batch"), try count("step"))
        state.lossSum = try number("loss_sum") ?? 0
        state.rowCount = try count("rows")
        state.learningRate = try number("learning_rate") ?? 0
        for record in try json.member("history").elements() { state.history.append(try EpochRecord(record)) }
        state.isStopped = try json.member("stopped").bool()
        let stateCount = try json.member("states").boundedInteger(0...100_000)
        let states = (0..<stateCount).compactMap { floats("states/\($0)") }
        guard let parameters = floats("parameters"), states.count == stateCount else { return nil }
        if let best = floats("best/parameters") {
            let bestStates = (0..<stateCount).compactMap { floats("best/states/\($0)") }
            guard best.count == parameters.count, bestStates.map(\.count) == states.map(\.count) else { return nil }
            state.best = (best, bestStates)
        }
        var optimizer: [String: Tensor] = [:]
        for (name, tensor) in tensors where name.hasPrefix("optimizer/") {
            optimizer[String(name.dropFirst(10))] = tensor
        }
        var result = Checkpoint(state: state, parameters: parameters, states: states, optimizerState: optimizer)
        result.bestValue = try number("best")
        result.bestEpoch = try json.optionalMember("best_epoch")?.boundedInteger(0...Int.max)
        result.waited = try count("waited")
        return result
    }

    private static func tensor(_ values: [Float]) -> Tensor {
        guard let shape = try? Shape([values.count]) else { preconditionFailure("\(values.count) floats") }
        return Tensor(.float32, shape: shape) { target in
            values.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
        }
    }

    private static func tensor(_ bytes: [UInt8]) -> Tensor {
        guard let shape = try? Shape([bytes.count]) else { preconditionFailure("\(bytes.count) bytes") }
        return Tensor(.uint8, shape: shape) { target in
            bytes.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
        }
    }
}
