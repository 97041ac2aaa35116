import CSimdJSON
import TensorEngine

/// Reads the `inputs` of a request into tensors, from JSON numbers or from the raw bytes behind the JSON.
struct InputReader {
    let limits: RequestLimits
    /// The length of the JSON: no JSON array has more elements than that.
    let jsonBytes: Int
    /// The raw tensors that no input has taken yet; nil when the request has none.
    var binaryTail: UnsafeRawBufferPointer?
    /// The inputs of strings among those that were read.
    private(set) var texts: [NamedText] = []
    private var budget: ElementBudget

    init(limits: RequestLimits, jsonBytes: Int, binaryTail: UnsafeRawBufferPointer?) {
        self.limits = limits
        self.jsonBytes = jsonBytes
        self.binaryTail = binaryTail
        self.budget = ElementBudget(limits)
    }

    mutating func readAll(_ element: JSONElement?) throws(DecodeFailure) -> [NamedTensor] {
        guard let element else { throw .malformed("inputs: missing") }
        guard let elements = element.elements else {
            throw .malformed("inputs: found \(element.kind), expected an array")
        }
        var inputs: [NamedTensor] = []
        for (index, element) in elements.enumerated() {
            guard index < limits.maximumInputs else {
                throw .tooLarge("inputs: found more than \(limits.maximumInputs) elements")
            }
            switch try read(element, index) {
            case .tensor(let input):
                try refuseSecond(input.name, inputs, index)
                inputs.append(input)
            case .text(let input):
                try refuseSecond(input.name, inputs, index)
                texts.append(input)
            }
        }
        guard !inputs.isEmpty || !texts.isEmpty else {
            throw .malformed("inputs: found an empty array, expected at least one input")
        }
        if let rest = binaryTail, !rest.isEmpty {
            throw .malformed("value: found \(rest.count) bytes behind the last binary tensor, expected none")
        }
        return inputs
    }

    private enum Input {
        case tensor(NamedTensor)
        case text(NamedText)
    }

    private func refuseSecond(_ name: String, _ inputs: [NamedTensor], _ index: Int) throws(DecodeFailure) {
        guard !inputs.contains(where: { $0.name == name }), !texts.contains(where: { $0.name == name }) else {
            throw .invalid("inputs[\(index)].name: found \(quoted(name)) a second time")
        }
    }

    private mutating func read(_ element: JSONElement, _ index: Int) throws(DecodeFailure) -> Input {
        guard let members = element.members else {
            throw .malformed("inputs[\(index)]: found \(element.summary), expected an object")
        }
        var name, shapeElement, datatypeElement, parameters, data: JSONElement?
        for (key, value) in members {
            switch key {
            case "name": try once(&name, value, "inputs[\(index)].name")
            case "shape": try once(&shapeElement, value, "inputs[\(index)].shape")
            case "datatype": try once(&datatypeElement, value, "inputs[\(index)].datatype")
            case "parameters": try once(&parameters, value, "inputs[\(index)].parameters")
            case "data": try once(&data, value, "inputs[\(index)].data")
            default: break
            }
        }
        let inputName = try requiredName(name, limits, "inputs[\(index)].name")
        if let bytes = datatypeElement?.utf8, bytes == "BYTES" {
            let shape = try shape(shapeElement, index)
            try budget.take(shape, "inputs[\(index)].shape")
            let size = try binarySize(parameters, index)
            return .text(try readText(inputName, shape, data: data, binarySize: size, index))
        }
        let datatype = try datatype(datatypeElement, index)
        let shape = try shape(shapeElement, index)
        try budget.take(shape, "inputs[\(index)].shape")

        let tensor: Tensor
        switch (data, try binarySize(parameters, index)) {
        case (let data?, nil): tensor = try decode(data, datatype, shape, index)
        case (nil, let size?): tensor = try copy(size, datatype, shape, index)
        case (.some, .some):
            throw .malformed("inputs[\(index)]: found data and parameters.binary_data_size, expected one of them")
        case (nil, nil): throw .malformed("inputs[\(index)].data: missing")
        }
        return .tensor(NamedTensor(name: inputName, tensor: tensor))
    }

    private func datatype(_ element: JSONElement?, _ index: Int) throws(DecodeFailure) -> Datatype {
        guard let element else { throw .malformed("inputs[\(index)].datatype: missing") }
        if let bytes = element.utf8, bytes == "FP32" { return .fp32 }
        guard let name = element.string else {
            throw .malformed("inputs[\(index)].datatype: found \(element.summary), expected a string")
        }
        return try Datatype(named: name, "inputs[\(index)].datatype")
    }

    private func shape(_ element: JSONElement?, _ index: Int) throws(DecodeFailure) -> Shape {
        guard let element else { throw .malformed("inputs[\(index)].shape: missing") }
        guard let elements = element.elements else {
            throw .malformed("inputs[\(index)].shape: found \(element.kind), expected an array of extents")
        }
        var dimensions: [Int] = []
        for (axis, element) in elements.enumerated() {
            guard axis < limits.maximumRank else {
                throw .tooLarge("inputs[\(index)].shape: found more than \(limits.maximumRank) dimensions")
            }
            switch element.type {
            case .int64, .uint64, .double: break
            default:
                throw .malformed("inputs[\(index)].shape[\(axis)]: found \(element.summary), expected an extent ≥ 0")
            }
            guard let value = element.int64, let extent = Int(exactly: value), extent >= 0 else {
                throw .invalid("inputs[\(index)].shape[\(axis)]: found \(element.summary), expected an extent ≥ 0")
            }
            dimensions.append(extent)
        }
        do throws(TensorError) {
            return try Shape(dimensions)
        } catch {
            throw .invalid("inputs[\(index)].\(error)")
        }
    }

    // MARK: Raw bytes

    private func binarySize(_ parameters: JSONElement?, _ index: Int) throws(DecodeFailure) -> Int? {
        guard let parameters, !parameters.isNull else { return nil }
        guard let members = parameters.members else {
            throw .malformed("inputs[\(index)].parameters: found \(parameters.kind), expected an object")
        }
        var size: Int?
        for (key, value) in members where key == "binary_data_size" {
            guard size == nil else { throw duplicate("inputs[\(index)].parameters.binary_data_size") }
            guard let bytes = value.int64, bytes >= 0, let count = Int(exactly: bytes) else {
                throw .malformed(
                    "inputs[\(index)].parameters.binary_data_size: found \(value.summary), "
                        + "expected a number of bytes")
            }
            size = count
        }
        return size
    }

    private mutating func copy(
        _ size: Int, _ datatype: Datatype, _ shape: Shape, _ index: Int
    ) throws(DecodeFailure) -> Tensor {
        let path = "inputs[\(index)].parameters.binary_data_size"
        guard let tail = binaryTail else {
            throw .malformed("\(path): found without header \(HeaderName.inferenceHeaderContentLength)")
        }
        let expected = datatype.byteCount(shape)
        guard size == expected else {
            let expected = expected.map(String.init) ?? "more"
            throw .invalid("\(path): found \(size), expected \(expected) for \(datatype.rawValue) \(shape)")
        }
        guard size <= tail.count else {
            throw .malformed("\(path): found \(size), but only \(tail.count) bytes are left behind the JSON")
        }
        let bytes = UnsafeRawBufferPointer(rebasing: tail[..<size])
        binaryTail = UnsafeRawBufferPointer(rebasing: tail[size...])
        return try Tensor(rawBytes: bytes, datatype, shape, "inputs[\(index)]")
    }

    // MARK: JSON numbers

    private func decode(
        _ data: JSONElement, _ datatype: Datatype, _ shape: Shape, _ index: Int
    ) throws(DecodeFailure) -> Tensor {
        // A short array under a huge shape is refused before the tensor is allocated.
        guard shape.elementCount <= jsonBytes else {
            throw .invalid(
                "inputs[\(index)].data: found \(Self.leafCount(data)) numbers, expected \(shape.elementCount) for shape "
                    + "\(shape)")
        }
        var result = csj_copy_result()
        guard let layout = datatype.layout else { throw DecodeFailure(.internal, "strings read as numbers") }
        let tensor = Tensor(datatype.elementType, shape: shape) { buffer in
            result = shape.dimensions.withUnsafeBufferPointer { dimensions in
                csj_copy_numbers(
                    data.handle, layout, dimensions.baseAddress, dimensions.count, buffer.baseAddress)
            }
        }
        guard result.reason == .ok else { throw Self.failure(result, data, datatype, shape, index) }
        return tensor
    }

    private static func failure(
        _ result: csj_copy_result, _ data: JSONElement, _ datatype: Datatype, _ shape: Shape, _ index: Int
    ) -> DecodeFailure {
        var path = "inputs[\(index)].data"
        withUnsafeBytes(of: result.path) { bytes in
            for position in bytes.bindMemory(to: Int.self).prefix(result.depth) { path += "[\(position)]" }
        }
        let found = JSONElement(handle: result.element)
        switch result.reason {
        case .wrong_count:
            var first = data.elements
            let isNested = shape.rank > 1 && first?.next()?.type == .array
            let noun = isNested && result.depth + 1 < shape.rank ? "arrays" : "numbers"
            return .invalid("\(path): found \(result.found) \(noun), expected \(result.expected) for shape \(shape)")
        case .wrong_type where result.depth < shape.rank && (result.depth == 0 || found.type != .array):
            let expectation = result.depth == 0 ? "an array" : "an array of \(shape[result.depth]) elements"
            return .invalid("\(path): found \(found.summary), expected \(expectation) for shape \(shape)")
        case .rank: return .tooLarge("inputs[\(index)].shape: found \(shape.rank) dimensions, expected at most 16")
        case .ok, .wrong_type, .out_of_range, .fraction:
            return .invalid("\(path): found \(found.summary), expected \(datatype.expectation)")
        }
    }

    /// The numbers in nested arrays; as deep as the parser allows.
    private static func leafCount(_ element: JSONElement) -> Int {
        guard let elements = element.elements else { return 1 }
        return elements.reduce(0) { $0 + leafCount($1) }
    }
}
