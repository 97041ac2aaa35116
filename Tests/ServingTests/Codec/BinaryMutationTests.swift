import Serving
import SwiftProtobuf
import TensorEngine
import TestSupport
import Testing

/// Whatever bytes come in as protobuf or as a raw body, the decoder answers a request or a typed error.
@Suite struct BinaryMutationTests {
    private static func requests() throws -> [(value: [UInt8], headers: TestHeaders)] {
        var typed = ProtobufRequest.one("FP32", [2, 2]) { $0.fp32Contents = [1, 2, 3, 4] }
        typed.modelName = "m"
        typed.modelVersion = "3"
        typed.parameters["a"] = .with { $0.int64Param = 3 }
        typed.inputs.append(
            .with {
                $0.name = "y"; $0.datatype = "INT8"; $0.shape = [3]; $0.contents.intContents = [-1, 0, 127]
            })
        typed.outputs = [.with { $0.name = "o" }]
        let raw = ProtobufRequest.one("BOOL", [4], raw: [0, 1, 1, 0])
        var body: TestHeaders = ["content-type": "application/octet-stream", "millrace-model": "m"]
        body.fields["millrace-shape"] = Array("2,3".utf8)
        body.fields["millrace-datatype"] = Array("BOOL".utf8)
        var unshaped = body
        unshaped.fields["millrace-shape"] = nil
        return [
            (try typed.bytes, protobufHeaders), (try raw.bytes, protobufHeaders), ([0, 1, 0, 1, 0, 1], body),
            ([0, 1, 0, 1, 0, 1], unshaped),
        ]
    }

    @Test(arguments: 0..<4)
    func mutatedRequestsGetAnAnswer(seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let requests = try Self.requests()
        let scratch = DecodeScratch()
        let signature = [ValueInfo(name: "x", elementType: .bool, dimensions: [.batch, .fixed(3)])]
        var successes = 0
        var codes: Set<RequestErrorCode> = []
        for _ in 0..<2_500 {
            var (value, headers) = requests[Int(random.next() % UInt64(requests.count))]
            for _ in 0...(random.next() % 3) { Self.mutate(&value, &random) }
            if random.next() % 8 == 0, let name = headers.fields.keys.sorted().randomElement(using: &random) {
                headers.fields[name]?.withUnsafeMutableBufferPointer {
                    $0[Int.random(in: $0.indices, using: &random)] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            do throws(RequestError) {
                let request = try codec.decode(value: value[...], headers: headers, using: scratch)
                #expect(request.inputs.isEmpty == (request.rawInput != nil))
                #expect(request.inputs.allSatisfy { $0.tensor.shape.elementCount <= value.count })
                if request.rawInput != nil {
                    let match = try SignatureMatch(request, inputs: signature, outputs: signature)
                    #expect(match.inputs[0].byteCount == value.count)
                }
                successes += 1
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
        // A bit, so that lengths, tags and wire types become their neighbours.
        case 4: value[position] ^= 1 << UInt8(random.next() % 8)
        default:
            // The largest varint, a group, an empty input, an empty element.
            let pieces: [[UInt8]] = [[UInt8](repeating: 0xFF, count: 9) + [1], [0x0B], [0x2A, 0], [0x3A, 0], [0x80]]
            value.insert(contentsOf: pieces[Int(random.next() % UInt64(pieces.count))], at: position)
        }
    }
}
