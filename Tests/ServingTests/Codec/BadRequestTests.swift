import Serving
import Testing

/// Bytes that are no request of the protocol, and what the answer says about them.
@Suite struct BadRequestTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var body: String
        var code: RequestErrorCode
        var message: String
        var testDescription: String { message }

        init(_ body: String, _ code: RequestErrorCode, _ message: String) {
            self.body = body
            self.code = code
            self.message = message
        }
    }

    /// All objects with `"id":"r"`: the error is attributed to it.
    static let attributable = [
        Case(#"{"id":"r"}"#, .malformedRequest, "inputs: missing"),
        Case(#"{"id":"r","inputs":null}"#, .malformedRequest, "inputs: found null, expected an array"),
        Case(#"{"id":"r","inputs":{}}"#, .malformedRequest, "inputs: found object, expected an array"),
        Case(
            #"{"id":"r","inputs":[]}"#, .malformedRequest, "inputs: found an empty array, expected at least one input"),
        Case(#"{"id":"r","inputs":[3]}"#, .malformedRequest, "inputs[0]: found 3, expected an object"),
        Case(#"{"id":"r","inputs":[{}]}"#, .malformedRequest, "inputs[0].name: missing"),
        Case(#"{"id":"r","inputs":[{"name":""}]}"#, .malformedRequest, "inputs[0].name: found \"\", expected a name"),
        Case(#"{"id":"r","inputs":[{"name":7}]}"#, .malformedRequest, "inputs[0].name: found 7, expected a name"),
        Case(#"{"id":"r","inputs":[{"name":"x"}]}"#, .malformedRequest, "inputs[0].datatype: missing"),
        Case(
            #"{"id":"r","inputs":[{"name":"x","datatype":1}]}"#, .malformedRequest,
            "inputs[0].datatype: found 1, expected a string"),
        Case(#"{"id":"r","inputs":[{"name":"x","datatype":"FP32"}]}"#, .malformedRequest, "inputs[0].shape: missing"),
        Case(
            #"{"id":"r","inputs":[{"name":"x","datatype":"FP32","shape":3}]}"#, .malformedRequest,
            "inputs[0].shape: found number, expected an array of extents"),
        Case(
            #"{"id":"r","inputs":[{"name":"x","datatype":"FP32","shape":[1]}]}"#, .malformedRequest,
            "inputs[0].data: missing"),
        Case(oneInput("FP32", "[1, -3]", "[1]"), .invalidInput, "inputs[0].shape[1]: found -3, expected an extent ≥ 0"),
        Case(oneInput("FP32", "[1.5]", "[1]"), .invalidInput, "inputs[0].shape[0]: found 1.5, expected an extent ≥ 0"),
        Case(
            oneInput("FP32", "[\"1\"]", "[1]"), .malformedRequest,
            "inputs[0].shape[0]: found \"1\", expected an extent ≥ 0"),
        Case(
            oneInput("FP32", "[18446744073709551615]", "[1]"), .invalidInput,
            "inputs[0].shape[0]: found 18446744073709551615, expected an extent ≥ 0"),
        Case(
            oneInput("FP32", "[4294967296, 4294967296]", "[1]"), .invalidInput,
            "inputs[0].shape [4294967296, 4294967296]: the number of elements overflows"),
        Case(
            oneInput("FP32", "[1000000000000]", "[1]"), .tooLarge,
            "inputs[0].shape: [1000000000000] has 1000000000000 elements, expected at most 16777216 in all inputs together"
        ),
        Case(
            oneInput("FP32", "[1,1,1,1,1,1,1,1,1]", "[1]"), .tooLarge, "inputs[0].shape: found more than 8 dimensions"),
        Case(
            oneInput("FP32", "[1, 4]", "[1,2,3]"), .invalidInput,
            "inputs[0].data: found 3 numbers, expected 4 for shape [1, 4]"),
        Case(
            oneInput("FP32", "[1, 4]", "[1,2,3,4,5]"), .invalidInput,
            "inputs[0].data: found 5 numbers, expected 4 for shape [1, 4]"),
        Case(
            oneInput("FP32", "[1000, 1000]", "[[1,2],[3]]"), .invalidInput,
            "inputs[0].data: found 3 numbers, expected 1000000 for shape [1000, 1000]"),
        Case(
            oneInput("FP32", "[2, 2]", "[[1,2],[3]]"), .invalidInput,
            "inputs[0].data[1]: found 1 numbers, expected 2 for shape [2, 2]"),
        Case(
            oneInput("FP32", "[2, 2]", "[[1,2],[3,4],[5,6]]"), .invalidInput,
            "inputs[0].data: found 3 arrays, expected 2 for shape [2, 2]"),
        Case(
            oneInput("FP32", "[2, 2]", "[[1,2],3]"), .invalidInput,
            "inputs[0].data[1]: found 3, expected an array of 2 elements for shape [2, 2]"),
        Case(
            oneInput("FP32", "[2, 2]", "[1,[2],3,4]"), .invalidInput,
            "inputs[0].data[1]: found array, expected a number that fits FP32"),
        Case(
            oneInput("FP32", "[2, 2]", "[[[1],2],[3,4]]"), .invalidInput,
            "inputs[0].data[0][0]: found array, expected a number that fits FP32"),
        Case(
            oneInput("FP32", "[1]", "1"), .invalidInput, "inputs[0].data: found 1, expected an array for shape [1]"),
        Case(
            oneInput("FP32", "[1]", "{}"), .invalidInput,
            "inputs[0].data: found object, expected an array for shape [1]"),
        Case(
            oneInput("FP32", "[]", "[1,2]"), .invalidInput, "inputs[0].data: found 2 numbers, expected 1 for shape []"),
        Case(
            oneInput("FP32", "[2]", "[1,null]"), .invalidInput,
            "inputs[0].data[1]: found null, expected a number that fits FP32"),
        Case(
            oneInput("FP32", "[2]", "[true,1]"), .invalidInput,
            "inputs[0].data[0]: found true, expected a number that fits FP32"),
        Case(
            oneInput("FP32", "[2]", #"[1,"2"]"#), .invalidInput,
            "inputs[0].data[1]: found \"2\", expected a number that fits FP32"),
        Case(
            oneInput("FP32", "[1]", "[1e300]"), .invalidInput,
            "inputs[0].data[0]: found 1e+300, expected a number that fits FP32"),
        Case(
            oneInput("FP16", "[1]", "[65520]"), .invalidInput,
            "inputs[0].data[0]: found 65520, expected a number that fits FP16"),
        Case(
            oneInput("UINT8", "[2]", "[1,256]"), .invalidInput,
            "inputs[0].data[1]: found 256, expected an integer in 0...255"),
        Case(
            oneInput("INT64", "[1]", "[9223372036854775808]"), .invalidInput,
            "inputs[0].data[0]: found 9223372036854775808, expected an integer in "
                + "-9223372036854775808...9223372036854775807"),
        Case(
            oneInput("INT32", "[1]", "[1.5]"), .invalidInput,
            "inputs[0].data[0]: found 1.5, expected an integer in -2147483648...2147483647"),
        Case(
            oneInput("INT32", "[1]", #"["NaN"]"#), .invalidInput,
            "inputs[0].data[0]: found \"NaN\", expected an integer in -2147483648...2147483647"),
        Case(oneInput("BOOL", "[1]", "[2]"), .invalidInput, "inputs[0].data[0]: found 2, expected true or false"),
        Case(
            #"{"id":"r","inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[1]},{"name":"x","shape":[1],"datatype":"INT8","data":[1]}]}"#,
            .invalidInput, "inputs[1].name: found \"x\" a second time"),
        Case(
            #"{"id":"r","inputs":[{"name":"x","name":"y"}]}"#, .malformedRequest,
            "inputs[0].name: found twice, expected once"),
        Case(#"{"id":"r","inputs":[],"inputs":[]}"#, .malformedRequest, "inputs: found twice, expected once"),
        Case(#"{"id":"r","id":"s","inputs":[]}"#, .malformedRequest, "id: found twice, expected once"),
        Case(
            #"{"id":"r","model_name":5,"inputs":[]}"#, .malformedRequest, "model_name: found 5, expected a name"),
        Case(
            #"{"id":"r","model_version":"3","inputs":[]}"#, .malformedRequest,
            "model_version: found without a model, expected model_name as well"),
        Case(
            #"{"id":"r","model_name":"a","model_version":[],"inputs":[]}"#, .malformedRequest,
            "model_version: found array, expected a version number or an alias"),
        Case(
            #"{"id":"r","parameters":[],"inputs":[]}"#, .malformedRequest,
            "parameters: found array, expected an object"),
        Case(
            #"{"id":"r","parameters":{"binary_data_output":1},"inputs":[]}"#, .malformedRequest,
            "parameters.binary_data_output: found 1, expected true or false"),
        Case(#"{"id":"r","outputs":{},"inputs":[]}"#, .malformedRequest, "outputs: found object, expected an array"),
        Case(#"{"id":"r","outputs":[{}],"inputs":[]}"#, .malformedRequest, "outputs[0].name: missing"),
        Case(
            #"{"id":"r","outputs":["y"],"inputs":[]}"#, .malformedRequest, "outputs[0]: found \"y\", expected an object"
        ),
        Case(
            #"{"id":"r","outputs":[{"name":"y"},{"name":"y"}],"inputs":[]}"#, .invalidInput,
            "outputs[1].name: found \"y\" a second time"),
        Case(
            #"{"id":"r","outputs":[{"name":"y","parameters":{"binary_data":"yes"}}],"inputs":[]}"#, .malformedRequest,
            "outputs[0].parameters.binary_data: found \"yes\", expected true or false"),
    ]

    @Test(arguments: attributable)
    func isAttributed(to bad: Case) {
        let error = failure(bad.body)
        #expect(error?.message == bad.message)
        #expect(error?.code == bad.code)
        #expect(error?.requestID == "r")
        #expect(error?.isAttributable == true)
    }

    @Test(arguments: ["STRING", "FP33", "fp32", ""])
    func unknownDatatypesAreUnsupported(name: String) {
        let error = failure(oneInput(name, "[1]", "[1]"))
        #expect(error?.code == .unsupportedDatatype)
        #expect(error?.message.hasPrefix("inputs[0].datatype: found \"\(name)\", expected one of BOOL, UINT8") == true)
        #expect(error?.requestID == "r")
    }

    @Test(arguments: [
        ("", "value: found 0 bytes, expected an inference request"),
        ("[1]", "value: found array, expected an inference"),
        ("3", "value: found number, expected an inference"), (" ", "value: not JSON: line 1"),
        (#"{"id":"r","inputs":"#, "value: not JSON: line 1, column 19"),
        ("{\n\"id\":\"r\",\n}", "value: not JSON: line 3"),
        (#"{"id":"r","inputs":[NaN]}"#, "value: not JSON: line 1, column"),
        ("hello", "value: not JSON: line 1, column"),
        (#"{"id":"r"} x"#, "value: not JSON: line 1, column"), (#"{"a":01}"#, "value: not JSON: line 1, column"),
        (#"{"id":"r","inputs":[123456789012345678901234567890]}"#, "value: not JSON: line 1, column"),
        ("\u{0}\u{1}", "value: not JSON: line 1"),
    ])
    func nothingDecodableIsUnattributable(body: String, message: String) {
        let error = failure(body)
        #expect(error?.code == .malformedRequest)
        #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
        #expect(error?.requestID == nil)
        #expect(error?.isAttributable == false)
    }

    @Test(arguments: ["NaN", "Infinity", "-Infinity"])
    func pythonsTokensGetAHint(token: String) {
        let error = failure(oneInput("FP32", "[2]", "[1,\(token)]"))
        #expect(
            error?.message.hasSuffix("(write NaN and infinities as strings: \"NaN\")") == true,
            "\(error?.message ?? "")")
    }

    @Test func nullAndForeignBytesAreUnattributable() {
        let null = failure(nil as [UInt8]?)
        #expect(null?.message == "value: found null, expected an inference request")
        #expect(null?.isAttributable == false)
        let latin = failure([0x7B, 0x22, 0xE9, 0x22, 0x3A, 0x31, 0x7D])
        #expect(latin?.message == "value: not UTF-8")
        #expect(latin?.isAttributable == false)
    }

    @Test func unknownContentTypesAreNamed() {
        let error = failure(oneInput("INT8", "[1]", "[1]"), ["content-type": "text/csv"])
        #expect(
            error?.description == "MALFORMED_REQUEST: header content-type: found \"text/csv\", "
                + "expected application/json, application/octet-stream or application/x-protobuf")
        #expect(error?.isAttributable == false)
    }

    @Test func headersThatDecideMustBeReadable() {
        let body = oneInput("INT8", "[1]", "[1]")
        let foreign = failure(body, TestHeaders(["millrace-model": [0xFF, 0xFE]]))
        #expect(foreign?.message == "header millrace-model: not UTF-8")
        #expect(foreign?.requestID == "r")
        let long = failure(body, ["millrace-model": String(repeating: "m", count: 257)])
        #expect(long?.message == "header millrace-model: found 257 bytes, expected at most 256")
        #expect(long?.code == .tooLarge)
        let lonely = failure(body, ["millrace-version": "3"])
        #expect(
            lonely?.message == "header millrace-version: found \"3\" without a model, expected millrace-model as well")
    }

    @Test func requestsWithoutReadableIDAreStillRequests() {
        let numeric = failure(#"{"id":7,"inputs":[]}"#)
        #expect(numeric?.message == "id: found 7, expected a string")
        #expect(numeric?.requestID == nil && numeric?.isAttributable == true)
        let long = failure(#"{"id":"\#(String(repeating: "i", count: 257))","inputs":[]}"#)
        #expect(long?.message == "id: found 257 bytes, expected at most 256")
        #expect(long?.requestID == nil && long?.isAttributable == true)
    }

    @Test func largeBodiesAreRefusedBeforeParsing() {
        let error = failure([UInt8](repeating: UInt8(ascii: "["), count: 50_000_000))
        #expect(error?.code == .tooLarge)
        #expect(error?.message == "value: found 50000000 bytes, expected at most 16777216")
        #expect(error?.isAttributable == false)
    }

    @Test func deepNestingIsRefused() throws {
        func nested(_ depth: Int) -> String {
            #"{"id":"r","x":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
                + #","inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[1]}]}"#
        }
        _ = try decode(nested(20))
        for depth in [32, 1_000, 1_000_000] {
            let error = failure(nested(depth))
            #expect(error?.code == .tooLarge)
            #expect(error?.message == "value: arrays and objects are nested deeper than 32 levels")
        }
    }

    @Test func numbersOfThingsAreLimited() {
        var limits = RequestLimits()
        limits.maximumInputs = 1
        limits.maximumOutputs = 1
        limits.maximumElements = 3
        limits.maximumParameters = 1
        limits.maximumRank = 100
        #expect(limits.maximumRank == 16)
        func message(_ body: String) -> String? {
            let error = failure(body, limits: limits)
            #expect(error?.code == .tooLarge)
            return error?.message
        }
        let input = #"{"name":"x","shape":[1],"datatype":"INT8","data":[1]}"#
        let other = input.replacing("\"x\"", with: "\"y\"")
        #expect(message(#"{"inputs":[\#(input),\#(other)]}"#) == "inputs: found more than 1 elements")
        #expect(
            message(#"{"inputs":[\#(input)],"outputs":[{"name":"a"},{"name":"b"}]}"#)
                == "outputs: found more than 1 elements")
        #expect(
            message(#"{"inputs":[\#(input)],"parameters":{"a":1,"b":2}}"#) == "parameters: found more than 1 members")
        limits.maximumInputs = 2
        #expect(
            message(
                #"{"inputs":[{"name":"x","shape":[2],"datatype":"INT8","data":[1,2]},{"name":"y","shape":[2],"datatype":"INT8","data":[1,2]}]}"#
            ) == "inputs[1].shape: [2] has 2 elements, expected at most 3 in all inputs together")
    }

    @Test func foreignTextInMessagesIsCut() {
        let error = failure(oneInput(String(repeating: "D", count: 10_000), "[1]", "[1]"))
        #expect((error?.message.utf8.count ?? .max) < 300)
    }
}
