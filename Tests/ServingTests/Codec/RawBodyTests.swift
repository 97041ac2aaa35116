import ModelRegistry
import Serving
import TensorEngine
import Testing

/// Values that are the bytes of one tensor, completed by a model's signature.
@Suite struct RawBodyTests {
    private let outputs = [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch, .fixed(10)])]

    private func signature(
        _ elementType: ElementType = .int16, _ dimensions: [Dimension] = [.batch, .fixed(3)], name: String = "x"
    ) -> [ValueInfo] {
        [ValueInfo(name: name, elementType: elementType, dimensions: dimensions)]
    }

    private func headers(_ added: [String: String] = [:]) -> TestHeaders {
        var headers: TestHeaders = ["content-type": "application/octet-stream"]
        for (name, value) in added { headers.fields[name] = Array(value.utf8) }
        return headers
    }

    /// The description of the error of a request that decodes and does not fit the signature.
    private func refusal(
        _ count: Int, _ added: [String: String] = [:], by signature: [ValueInfo], outputs: [ValueInfo]? = nil
    ) throws -> String? {
        let request = try decode([UInt8](repeating: 1, count: count), headers(added))
        let error = #expect(throws: RequestError.self) {
            try SignatureMatch(request, inputs: signature, outputs: outputs ?? self.outputs)
        }
        #expect(error?.isAttributable == true)
        return error?.description
    }

    @Test func headersDescribeTheTensor() throws {
        let request = try decode(
            [1, 0, 0xFF, 0xFF, 2, 0],
            headers([
                "millrace-input": "x", "millrace-shape": "1, 3", "millrace-datatype": "INT16", "millrace-model": "m",
                "millrace-version": "3", "millrace-output": "y", "ce_expirytime": "1970-01-01T00:00:01Z",
            ]))
        #expect(request.model == ModelReference(name: "m", version: .number(3)))
        #expect(request.inputs.isEmpty && request.id == nil && request.deadline == 1000)
        #expect(request.encoding == .rawBody)
        #expect(request.requestedOutputs?.map(\.name) == ["y"])
        #expect(request.rawInput?.name == "x")
        #expect(request.rawInput?.shape == [1, 3])
        #expect(request.rawInput?.datatype == .int16)
        let match = try SignatureMatch(request, inputs: signature(), outputs: outputs)
        #expect(match.rowCount == 1)
        #expect(try match.inputs[0].elements(as: Int16.self) == [1, -1, 2])
    }

    @Test func theSignatureSaysWhatTheHeadersDoNot() throws {
        let request = try decode([UInt8](repeating: 1, count: 12), headers())
        let match = try SignatureMatch(request, inputs: signature(), outputs: outputs)
        #expect(match.inputs.map(\.shape) == [[2, 3]])
        #expect(match.rowCount == 2 && match.isBatched)
        let fixed = try SignatureMatch(request, inputs: signature(.uint8, [.fixed(3), .fixed(4)]), outputs: outputs)
        #expect(fixed.inputs.map(\.shape) == [[3, 4]])
        let open = try SignatureMatch(
            request, inputs: signature(.int32, [.fixed(1), .symbolic("n")]), outputs: outputs)
        #expect(open.inputs.map(\.shape) == [[1, 3]])
        let scalar = try SignatureMatch(
            try decode([1, 0, 0, 0], headers()), inputs: signature(.int32, []), outputs: outputs)
        #expect(scalar.inputs.map(\.shape) == [[]])
        // Two open extents need the header.
        let both: [Dimension] = [.batch, .symbolic("n")]
        let described = try decode([UInt8](repeating: 1, count: 12), headers(["millrace-shape": "2,3"]))
        #expect(
            try SignatureMatch(described, inputs: signature(.int16, both), outputs: outputs).inputs.map(\.shape)
                == [[2, 3]])
    }

    @Test func whatDoesNotFitTheSignatureIsNamed() throws {
        let three = signature()
        #expect(
            try refusal(7, by: three)
                == "INVALID_INPUT: value: found 7 bytes, expected a multiple of 6 for INT16 [batch, 3]")
        #expect(
            try refusal(7, by: signature(.int16, [.fixed(3)]))
                == "INVALID_INPUT: value: found 7 bytes, expected 6 for INT16 [3]")
        #expect(
            try refusal(6, ["millrace-shape": "1,4"], by: three)
                == "INVALID_INPUT: value: found 6 bytes, expected 8 for INT16 [1, 4]")
        #expect(
            try refusal(8, ["millrace-shape": "1,4"], by: three)
                == "INVALID_INPUT: inputs[0] (\"x\").shape: found [1, 4], expected [batch, 3]")
        #expect(
            try refusal(6, ["millrace-datatype": "UINT16"], by: three)
                == "INVALID_INPUT: header millrace-datatype: found UINT16, expected INT16")
        #expect(
            try refusal(6, ["millrace-input": "z"], by: three)
                == "INVALID_INPUT: header millrace-input: found \"z\", expected \"x\"")
        #expect(
            try refusal(6, by: signature(.int16, [.batch, .symbolic("n")]))
                == "INVALID_INPUT: header millrace-shape: missing, expected extents for [batch, n]: "
                + "more than one of them is open")
        #expect(
            try refusal(6, by: three + signature(name: "z"))
                == "INVALID_INPUT: value: found raw bytes for a model with 2 inputs (\"x\", \"z\"), "
                + "expected JSON or protobuf")
        #expect(
            try refusal(6, by: signature(.int16, [.batch, .fixed(0)]))
                == "INVALID_INPUT: value: found 6 bytes, expected a multiple of 0 for INT16 [batch, 0]")
        let booleans = try decode([1, 0, 2], headers())
        let error = #expect(throws: RequestError.self) {
            try SignatureMatch(booleans, inputs: signature(.bool), outputs: outputs)
        }
        #expect(error?.message == "value: found byte 2 at offset 2 of BOOL data, expected 0 or 1")
    }

    @Test func oneOutputIsNeeded() throws {
        let two = outputs + [ValueInfo(name: "z", elementType: .int64, dimensions: [.batch])]
        #expect(
            try refusal(6, by: signature(), outputs: two)
                == "INVALID_INPUT: header millrace-output: missing, expected one of the model's 2 outputs: \"y\", \"z\""
        )
        #expect(
            try refusal(6, ["millrace-output": "w"], by: signature(), outputs: two)
                == "INVALID_INPUT: header millrace-output: found \"w\", expected \"y\", \"z\"")
        let request = try decode([UInt8](repeating: 0, count: 6), headers(["millrace-output": "z"]))
        #expect(try SignatureMatch(request, inputs: signature(), outputs: two).outputIndices == [1])
    }

    @Test func jsonUnderTheWrongContentTypeGetsAHint() throws {
        let request = try decode(oneInput("INT8", "[1]", "[1]"), headers())
        let error = #expect(throws: RequestError.self) {
            try SignatureMatch(request, inputs: signature(), outputs: outputs)
        }
        #expect(
            error?.message.hasSuffix("(a JSON request has the content type application/json)") == true,
            "\(error?.message ?? "")")
    }

    @Test(
        arguments: [
            (nil, nil, false), ("application/octet-stream", nil, true), ("Application/Octet-Stream; x=y", nil, true),
            ("application/octet-stream", "0", true), (nil, "0", true), ("", "0", true),
            ("application/json", nil, false),
        ] as [(String?, String?, Bool)])
    func formatsAreToldApart(contentType: String?, length: String?, isRaw: Bool) throws {
        var headers: TestHeaders = [:]
        headers.fields["content-type"] = contentType.map { Array($0.utf8) }
        headers.fields["inference-header-content-length"] = length.map { Array($0.utf8) }
        let request = try decode(oneInput("INT8", "[1]", "[1]"), headers)
        #expect((request.rawInput != nil) == isRaw)
        #expect(request.encoding == (isRaw ? .rawBody : .json))
    }

    @Test func badHeadersAreNamed() {
        func message(_ added: [String: String], _ count: Int = 4, limits: RequestLimits = RequestLimits()) -> String? {
            let error = failure([UInt8](repeating: 1, count: count), headers(added), limits: limits)
            #expect(error?.isAttributable == true && error?.encoding == .rawBody)
            return error?.description
        }
        for text in ["1,", ",", "a", "1,-4", "[1,4]", "1;4", "+1", "1,4.0", "99999999999999999999"] {
            #expect(
                message(["millrace-shape": text])
                    == "MALFORMED_REQUEST: header millrace-shape: found \"\(text)\", expected extents such as \"1,64\"")
        }
        #expect(
            message(["millrace-shape": "1,1,1,1,1,1,1,1,4"])
                == "TOO_LARGE: header millrace-shape: found 9 dimensions, expected at most 8")
        #expect(
            message(["millrace-shape": "4294967296,4294967296"])
                == "INVALID_INPUT: header millrace-shape: shape [4294967296, 4294967296]: "
                + "the number of elements overflows")
        #expect(
            message(["millrace-shape": "100000000"])?.hasPrefix(
                "TOO_LARGE: header millrace-shape: [100000000] has 100000000 elements") == true)
        #expect(
            message(["millrace-datatype": "BYTES"])?.hasPrefix("UNSUPPORTED_DATATYPE: header millrace-datatype") == true
        )
        #expect(
            message(["millrace-datatype": "FP32", "millrace-shape": "1,2"])
                == "INVALID_INPUT: value: found 4 bytes, expected 8 for FP32 [1, 2]")
        #expect(
            message(["millrace-version": "3"])
                == "MALFORMED_REQUEST: header millrace-version: found \"3\" without a model, "
                + "expected millrace-model as well")
        #expect(message(["millrace-input": String(repeating: "n", count: 257)])?.hasPrefix("TOO_LARGE: ") == true)
    }

    @Test func answersAreTheBytesOfOneOutput() throws {
        let tensor = NamedTensor(name: "y", tensor: try Tensor(shape: [1, 2], elements: [1, -1] as [Int16]))
        let message = try codec.encode(
            InferenceResponse(modelName: "m", modelVersion: 1, outputs: [tensor]), as: .rawBody)
        #expect(message.value == [1, 0, 0xFF, 0xFF])
        #expect(message.contentType == "application/octet-stream")
        let described = message.headers.map { "\($0.name)=\(String(decoding: $0.value, as: UTF8.self))" }
        #expect(described == ["millrace-output=y", "millrace-shape=1,2", "millrace-datatype=INT16"])
        let error = #expect(throws: RequestError.self) {
            try codec.encode(InferenceResponse(modelName: "m", modelVersion: 1, outputs: []), as: .rawBody)
        }
        #expect(error?.code == .invalidInput)
        var limits = RequestLimits()
        limits.maximumResponseBytes = 3
        let large = #expect(throws: RequestError.self) {
            try RequestCodec(limits: limits).encode(
                InferenceResponse(modelName: "m", modelVersion: 1, outputs: [tensor]), as: .rawBody)
        }
        #expect(large?.description == "TOO_LARGE: response: found 4 bytes, expected at most 3")
    }
}
