import JSONDocuments
import ModelRegistry
import Serving
import TensorEngine
import Testing

@Suite struct DecodingTests {
    @Test func readsAWholeRequest() throws {
        let request = try decode(
            #"""
            {"future": {"a": [1]}, "id": "r-1", "model_name": "digits", "model_version": "7",
             "parameters": {"temperature": 0.5, "top": 3, "tag": "é", "dry": true, "nested": {"ignored": 1}},
             "inputs": [
               {"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [1, 2.5, -3e2, 0, 1, 0.1], "new": null},
               {"name": "m", "shape": [2], "datatype": "BOOL", "data": [true, false], "parameters": {"hint": 1}}],
             "outputs": [{"name": "y"}, {"name": "z", "parameters": null}]}
            """#)
        #expect(request.id == "r-1")
        #expect(request.model == ModelReference(name: "digits", version: .number(7)))
        #expect(request.parameters == ["temperature": 0.5, "top": 3, "tag": "é", "dry": true])
        #expect(request.requestedOutputs == [RequestedOutput(name: "y"), RequestedOutput(name: "z")])
        #expect(request.encoding == .json)
        #expect(request.inputs.map(\.name) == ["x", "m"])
        #expect(request.inputs.map(\.datatype) == [.fp32, .bool])
        #expect(request.inputs[0].tensor.shape == [2, 3])
        #expect(try request.inputs[0].tensor.elements(as: Float.self) == [1, 2.5, -300, 0, 1, 0.1])
        #expect(try request.inputs[1].tensor.elements(as: Bool.self) == [true, false])
    }

    @Test func onlyInputsAreRequired() throws {
        let request = try decode(#"{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[-128]}]}"#)
        #expect(request.id == nil && request.model == nil && request.requestedOutputs == nil)
        #expect(request.deadline == nil && request.traceparent == nil && request.parameters.isEmpty)
    }

    @Test func nullAndEmptyMembersCountAsAbsent() throws {
        let request = try decode(
            #"""
            {"id":null,"model_name":null,"model_version":"","parameters":null,"outputs":[],
             "inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[1],"parameters":null}]}
            """#)
        #expect(request.id == nil && request.model == nil && request.requestedOutputs == nil)
    }

    @Test(arguments: [
        ("[2, 3]", "[1,2,3,4,5,6]"), ("[2, 3]", "[[1,2,3],[4,5,6]]"), ("[2, 1, 3]", "[[[1,2,3]],[[4,5,6]]]"),
        ("[6]", "[1,2,3,4,5,6]"), ("[1, 6]", "[[1,2,3,4,5,6]]"), ("[6, 1]", "[1,2,3,4,5,6]"),
    ])
    func flatAndNestedDataAreTheSame(shape: String, data: String) throws {
        let tensor = try decode(oneInput("FP32", shape, data)).inputs[0].tensor
        #expect(try tensor.elements(as: Float.self) == [1, 2, 3, 4, 5, 6])
        #expect(tensor.shape.description == shape)
    }

    @Test func scalarsAndEmptyTensors() throws {
        #expect(try decode(oneInput("INT32", "[]", "[7]")).inputs[0].tensor.elements(as: Int32.self) == [7])
        #expect(try decode(oneInput("INT32", "[]", "7")).inputs[0].tensor.elements(as: Int32.self) == [7])
        for (shape, data) in [("[0, 4]", "[]"), ("[2, 0]", "[[],[]]"), ("[2, 0]", "[]")] {
            let tensor = try decode(oneInput("FP32", shape, data)).inputs[0].tensor
            #expect(tensor.shape.elementCount == 0 && tensor.shape.description == shape)
        }
    }

    @Test func aScratchServesRequestAfterRequest() throws {
        let scratch = DecodeScratch()
        let large = oneInput("UINT8", "[700000]", "[" + repeatElement("7", count: 700_000).joined(separator: ",") + "]")
        let small = oneInput("UINT8", "[2]", "[1,2]")
        for body in [small, "{", large, small, "[", large, small] {
            let request = try? codec.decode(value: Array(body.utf8)[...], headers: TestHeaders([:]), using: scratch)
            #expect((request == nil) == (body.count == 1))
            if body == large { #expect(request?.inputs[0].tensor.shape == [700_000]) }
            if body == small { #expect(try request?.inputs[0].tensor.elements(as: UInt8.self) == [1, 2]) }
        }
    }

    @Test func modelComesFromTheHeadersBeforeTheBody() throws {
        let body =
            #"{"model_name":"b","model_version":4,"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[1]}]}"#
        func model(_ headers: TestHeaders) throws -> String? { try decode(body, headers).model?.description }
        #expect(try model([:]) == "b@4")
        #expect(try model(["mlserver-model": "m"]) == "m@champion")
        #expect(try model(["mlserver-model": "m", "mlserver-version": "v2"]) == "m@v2")
        #expect(try model(["millrace-model": "h", "mlserver-model": "m", "mlserver-version": "2"]) == "h@champion")
        #expect(try model(["millrace-model": "h", "millrace-version": "12"]) == "h@12")
        #expect(try model(["millrace-version": "canary"]) == "b@canary")
        #expect(try model(["millrace-model": "", "millrace-version": ""]) == "b@4")
        // What decides nothing may hold anything.
        #expect(try model(TestHeaders(["millrace-model": Array("h".utf8), "mlserver-model": [0xFF]])) == "h@champion")
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.001Z", 1), ("2000-02-29T12:30:45.5+01:30", 951_822_045_500),
        ("2026-11-23T19:04:05Z", 1_795_460_645_000), ("1969-12-31t23:59:59.9999z", -1),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000), ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59-23:59", 253_402_387_139_000), ("2100-03-01 00:00:00Z", 4_107_542_400_000),
    ])
    func deadlineIsRFC3339(text: String, milliseconds: Int64) throws {
        #expect(try decode(oneInput("INT8", "[1]", "[1]"), ["ce_expirytime": text]).deadline == milliseconds)
    }

    @Test(arguments: [
        "yesterday", "2026-11-23", "2026-11-23T19:04:05", "2026-13-23T19:04:05Z", "2026-02-29T00:00:00Z",
        "2026-11-23T24:00:00Z", "2026-11-23T19:04:61Z", "2026-11-23T19:04:05.Z", "2026-11-23T19:04:05+1:00",
        "2026-11-23T19:04:05Zx", "+026-11-23T19:04:05Z", "2026-11-23T19:04:05+24:00",
    ])
    func malformedDeadlinesAreNamed(text: String) {
        let error = failure(oneInput("INT8", "[1]", "[1]"), ["ce_expirytime": text])
        #expect(error?.code == .malformedRequest)
        #expect(error?.message == "header ce_expirytime: found \"\(text)\", expected an RFC 3339 time")
        #expect(error?.requestID == "r")
    }

    @Test func traceparentIsKeptWhenWellFormed() throws {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        func read(_ text: String) throws -> String? {
            try decode(oneInput("INT8", "[1]", "[1]"), ["traceparent": text]).traceparent
        }
        #expect(try read(valid) == valid)
        #expect(
            try read("cc" + valid.dropFirst(2) + "-what-the-future") == "cc" + valid.dropFirst(2) + "-what-the-future")
        for invalid in [
            "", "00", valid + "-x", valid.uppercased(), "ff" + valid.dropFirst(2),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01", valid.replacing("-", with: "_"),
        ] {
            #expect(try read(invalid) == nil)
        }
    }

    @Test(arguments: [
        "application/json", "application/json; charset=utf-8", "Application/JSON", " application/json ;x=y", "",
    ])
    func contentTypesOfJSON(contentType: String) throws {
        #expect(try decode(oneInput("INT8", "[1]", "[1]"), ["content-type": contentType]).inputs.count == 1)
    }
}
