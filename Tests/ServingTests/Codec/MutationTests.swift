import Serving
import TensorEngine
import TestSupport
import Testing

/// Whatever bytes come in, the decoder answers a request or a typed error.
@Suite struct MutationTests {
    private static let requests: [(value: [UInt8], headers: TestHeaders)] = [
        (
            Array(
                #"""
                {"id":"r","model_name":"m","model_version":"3","parameters":{"a":1,"b":"x","binary_data_output":true},
                "inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,-2.5e3],[0.125,"NaN"]]},
                {"name":"y","shape":[3],"datatype":"UINT8","data":[0,255,7]},{"name":"z","shape":[],"datatype":"BOOL","data":true}],
                "outputs":[{"name":"o","parameters":{"binary_data":false}}]}
                """#.utf8), ["content-type": "application/json", "ce_expirytime": "2026-11-23T19:04:05Z"]
        ),
        withBinary(
            #"{"id":"r","inputs":[{"name":"x","shape":[2,2],"datatype":"INT16","parameters":{"binary_data_size":8}},{"name":"b","shape":[2],"datatype":"BOOL","parameters":{"binary_data_size":2}}]}"#,
            [1, 2, 3, 4, 5, 6, 7, 8, 0, 1]),
    ]

    /// Pieces that steer a mutation into the interesting corners.
    private static let fragments = [
        "[", "]", "{", "}", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "-", "1e999", "1e308", "-0", "null", "true",
        "NaN",
        "99999999999999999999", "9223372036854775807", "-1", "0", "\"\"", "[[[[[[[[[[", "\"data\"", "\"shape\":",
        "FP16",
        "BYTES", "\"binary_data_size\":", "\u{0}", "\u{FEFF}",
    ]

    @Test(arguments: 0..<4)
    func mutatedRequestsGetAnAnswer(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let scratch = DecodeScratch()
        var successes = 0
        var codes: Set<RequestErrorCode> = []
        for _ in 0..<2_500 {
            var (value, headers) = Self.requests[Int(random.next() % 2)]
            for _ in 0...(random.next() % 3) { Self.mutate(&value, &random) }
            if random.next() % 8 == 0, let name = headers.fields.keys.sorted().first {
                headers.fields[name]?.withUnsafeMutableBufferPointer {
                    $0[Int.random(in: $0.indices, using: &random)] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            do throws(RequestError) {
                let request = try codec.decode(value: value[...], headers: headers, using: scratch)
                successes += 1
                #expect(!request.inputs.isEmpty)
                #expect(request.inputs.allSatisfy { $0.tensor.shape.elementCount <= value.count })
            } catch {
                codes.insert(error.code)
                #expect(!error.message.isEmpty && error.message.utf8.count < 1_000)
                #expect(error.isAttributable || error.requestID == nil)
            }
        }
        #expect(successes > 50)
        #expect(codes.isSuperset(of: [.malformedRequest, .invalidInput, .unsupportedDatatype]))
        #expect(!codes.contains(.internal))
    }

    private static func mutate(_ value: inout [UInt8], _ random: inout SplitMix64) {
        guard !value.isEmpty else { return }
        let position = Int.random(in: value.indices, using: &random)
        let length = Int.random(in: 0...min(8, value.count - position), using: &random)
        switch random.next() % 6 {
        case 0: value[position] = UInt8(truncatingIfNeeded: random.next())
        case 1: value.removeSubrange(position..<(position + length))
        case 2: value.removeSubrange(position...)
        case 3: value.insert(contentsOf: value[position..<(position + length)], at: position)
        case 4:
            // Digits for digits: still JSON, most of the time.
            if let digit = value[position...].firstIndex(where: { (0x30...0x39).contains($0) }) {
                value[digit] = 0x30 + UInt8(random.next() % 10)
            }
        default:
            let fragment = fragments[Int(random.next() % UInt64(fragments.count))]
            value.replaceSubrange(position..<(position + length), with: fragment.utf8)
        }
    }
}
