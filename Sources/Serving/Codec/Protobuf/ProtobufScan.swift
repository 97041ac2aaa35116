/// What can be told of a `ModelInferRequest` before it is decoded: whether it is protobuf at all, whose it is, where its
/// raw tensors lie, and whether it has more of anything than the limits allow.
///
/// Two bytes on the wire can make a message of hundreds in memory, so numbers are checked here, before memory is
/// allocated for them.
struct ProtobufScan {
    /// The request's `id`, unchecked.
    private(set) var id: UnsafeRawBufferPointer?
    /// `raw_input_contents` in order, views of the scanned bytes.
    private(set) var rawInputs: [UnsafeRawBufferPointer] = []
    /// The ranges of the message besides `raw_input_contents`, adjacent ones joined.
    private(set) var remainder: [Range<Int>] = []
    /// The first limit that the request is beyond. The walk goes on: damage behind it decides whether this is a request.
    private(set) var excess: DecodeFailure?

    private let limits: RequestLimits
    private var inputCount = 0
    private var outputCount = 0
    private var parameterCount = 0

    init(_ bytes: UnsafeRawBufferPointer, limits: RequestLimits) throws(ProtobufDamage) {
        self.limits = limits
        var fields = ProtobufFields(bytes)
        while let field = try fields.next() {
            if field.number == 7, let payload = field.payload {
                addRaw(payload)
                continue
            }
            if let last = remainder.last, last.upperBound == field.range.lowerBound {
                remainder[remainder.count - 1] = last.lowerBound..<field.range.upperBound
            } else {
                remainder.append(field.range)
            }
            guard let payload = field.payload else { continue }
            switch field.number {
            case 3: id = payload
            case 4:
                check(parameterCount, limits.maximumParameters, "parameters", "members")
                parameterCount += 1
            case 5:
                check(inputCount, limits.maximumInputs, "inputs", "elements")
                try scanInput(payload, inputCount)
                inputCount += 1
            case 6:
                check(outputCount, limits.maximumOutputs, "outputs", "elements")
                try scanOutput(payload, outputCount)
                outputCount += 1
            default: break
            }
        }
    }

    private mutating func addRaw(_ payload: UnsafeRawBufferPointer) {
        guard rawInputs.count < limits.maximumInputs else {
            return refuse(.tooLarge("raw_input_contents: found more than \(limits.maximumInputs) elements"))
        }
        rawInputs.append(payload)
    }

    /// `InferInputTensor`.
    private mutating func scanInput(_ bytes: UnsafeRawBufferPointer, _ index: Int) throws(ProtobufDamage) {
        var fields = ProtobufFields(bytes)
        var dimensions = 0
        var parameters = 0
        var contents = 0
        while let field = try fields.next() {
            switch field.number {
            case 3:
                // Packed: a varint ends with each byte below 128.
                dimensions += field.payload.map { $0.reduce(0) { $0 + ($1 < 0x80 ? 1 : 0) } } ?? 1
            case 4:
                check(parameters, limits.maximumParameters, "inputs[\(index)].parameters", "members")
                parameters += 1
            case 5:
                guard let payload = field.payload else { continue }
                contents += 1
                if contents == 2 { refuse(duplicate("inputs[\(index)].contents")) }
                try scanContents(payload, index)
            default: break
            }
        }
        if dimensions > limits.maximumRank {
            refuse(.tooLarge("inputs[\(index)].shape: found more than \(limits.maximumRank) dimensions"))
        }
    }

    /// `InferTensorContents`.
    private mutating func scanContents(_ bytes: UnsafeRawBufferPointer, _ index: Int) throws(ProtobufDamage) {
        var strings = 0
        var fields = ProtobufFields(bytes)
        while let field = try fields.next() {
            guard field.number == 8 else { continue }
            check(strings, limits.maximumElements, "inputs[\(index)].contents.bytes_contents", "elements")
            strings += 1
        }
    }

    /// `InferRequestedOutputTensor`.
    private mutating func scanOutput(_ bytes: UnsafeRawBufferPointer, _ index: Int) throws(ProtobufDamage) {
        var fields = ProtobufFields(bytes)
        var parameters = 0
        while let field = try fields.next() {
            guard field.number == 2 else { continue }
            check(parameters, limits.maximumParameters, "outputs[\(index)].parameters", "members")
            parameters += 1
        }
    }

    /// Whether there is room for one more.
    private mutating func check(_ count: Int, _ maximum: Int, _ path: @autoclosure () -> String, _ noun: String) {
        if count == maximum { refuse(.tooLarge("\(path()): found more than \(maximum) \(noun)")) }
    }

    private mutating func refuse(_ failure: DecodeFailure) {
        if excess == nil { excess = failure }
    }
}
