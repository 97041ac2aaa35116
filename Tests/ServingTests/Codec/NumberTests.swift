import Serving
import TensorEngine
import TestSupport
import Testing

/// Numbers keep their bits on the way through JSON.
@Suite struct NumberTests {
    /// The tensor after encoding it as JSON and decoding that again.
    private func roundTrip(_ tensor: Tensor) throws -> Tensor {
        let response = InferenceResponse(
            modelName: "m", modelVersion: 1, outputs: [NamedTensor(name: "x", tensor: tensor)])
        let json = text(try codec.encode(response, as: .json))
        return try decode(json.replacing(#""outputs""#, with: #""inputs""#)).inputs[0].tensor
    }

    private func data(_ tensor: Tensor) throws -> String {
        let response = InferenceResponse(
            modelName: "m", modelVersion: 1, outputs: [NamedTensor(name: "x", tensor: tensor)])
        let json = text(try codec.encode(response, as: .json))
        let start = try #require(json.firstRange(of: #""data":"#)).upperBound
        return String(json[start...].dropLast(3))
    }

    @Test func floatsPrintShortest() throws {
        let floats: [Float] = [
            1, 0.25, -0.0, 0.1, 1e-7, 16_777_216, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 1e20, .nan,
            .infinity,
            -.infinity,
        ]
        #expect(
            try data(Tensor(shape: [12], elements: floats))
                == #"[1.0,0.25,-0.0,0.1,1e-07,16777216.0,3.4028235e+38,1e-45,1e+20,"NaN","Infinity","-Infinity"]"#)
        #expect(
            try data(Tensor(shape: [3], elements: [1.0 / 3, .leastNonzeroMagnitude, -1.7976931348623157e308]))
                == "[0.3333333333333333,5e-324,-1.7976931348623157e+308]")
    }

    /// The only float32 whose shortest text does not survive being read as a double.
    @Test func theFloatThatDoubleRoundingMovesKeepsItsBits() throws {
        let floats: [Float] = [0x1.5c87fap-84, -0x1.5c87fap-84, 0x1.5c87fcp-84]
        let tensor = try Tensor(shape: [3], elements: floats)
        #expect(try data(tensor) == "[7.0385307e-26,-7.0385307e-26,7.0385313e-26]")
        #expect(try roundTrip(tensor).elements(as: Float.self) == floats)
    }

    @Test func randomFloatsKeepTheirBits() throws {
        var random = SplitMix64(state: 11)
        let floats = (0..<100_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
            .filter { !$0.isNaN }
        let read = try roundTrip(Tensor(shape: Shape([floats.count]), elements: floats)).elements(as: Float.self)
        #expect(read.map(\.bitPattern) == floats.map(\.bitPattern))
    }

    @Test func randomDoublesKeepTheirBits() throws {
        var random = SplitMix64(state: 12)
        let doubles = (0..<100_000).map { _ in Double(bitPattern: random.next()) }.filter { !$0.isNaN }
        let read = try roundTrip(Tensor(shape: Shape([doubles.count]), elements: doubles)).elements(as: Double.self)
        #expect(read.map(\.bitPattern) == doubles.map(\.bitPattern))
    }

    /// All 65,536 bit patterns; NaN comes back as NaN without its payload.
    @Test(arguments: [ElementType.float16, .bfloat16])
    func everyHalfKeepsItsBits(type: ElementType) throws {
        let patterns = (0...UInt16.max).map { $0 }
        let tensor = try patterns.withUnsafeBytes { try Tensor(type, shape: [65536], bytes: $0) }
        let read = try roundTrip(tensor).withBytes { Array($0.bindMemory(to: UInt16.self)) }
        let infinity: UInt16 = type == .float16 ? 0x7C00 : 0x7F80
        for (before, after) in zip(patterns, read) where before != after {
            #expect(before & 0x7FFF > infinity && after & 0x7FFF > infinity, "\(before) became \(after)")
        }
    }

    @Test(arguments: [
        ("FP16", "1.00048828125", 0x3C00), ("FP16", "1.00048828126", 0x3C01), ("FP16", "1.00146484375", 0x3C02),
        ("FP16", "65504", 0x7BFF), ("FP16", "65519.99", 0x7BFF), ("FP16", "5.960464477539063e-08", 0x0001),
        ("FP16", "2.9802322387695312e-08", 0x0000), ("FP16", "2.98023223876953125001e-08", 0x0000),
        ("FP16", "2.980232238769532e-08", 0x0001), ("FP16", "8.940696716308594e-08", 0x0002),
        ("FP16", "6.103515625e-05", 0x0400), ("FP16", "6.1005353927612305e-05", 0x0400), ("FP16", "-1e-300", 0x8000),
        ("FP16", "\"Infinity\"", 0x7C00), ("BF16", "1.00390625", 0x3F80), ("BF16", "1.01171875", 0x3F82),
        ("BF16", "3.3895313892515355e+38", 0x7F7F), ("BF16", "-0.0", 0x8000), ("BF16", "\"-Infinity\"", 0xFF80),
        ("BF16", "9.183549615799121e-41", 0x0001), ("BF16", "9007199254740993", 0x5A00),
    ])
    func halvesRoundToNearestEven(datatype: String, number: String, bits: Int) throws {
        let tensor = try decode(oneInput(datatype, "[1]", "[\(number)]")).inputs[0].tensor
        #expect(tensor.withBytes { $0.loadUnaligned(as: UInt16.self) } == UInt16(bits))
    }

    @Test func specialStringsAreNumbersForFloatingPoint() throws {
        for datatype in ["FP16", "BF16", "FP32", "FP64"] {
            let tensor = try decode(oneInput(datatype, "[3]", #"["NaN","Infinity","-Infinity"]"#)).inputs[0].tensor
            if datatype == "FP32" {
                let floats = try tensor.elements(as: Float.self)
                #expect(floats[0].isNaN && floats[1] == .infinity && floats[2] == -.infinity)
            }
            #expect(try data(tensor) == #"["NaN","Infinity","-Infinity"]"#)
            for other in ["nan", "inf", "+Infinity", " NaN", "1", ""] {
                #expect(failure(oneInput(datatype, "[1]", "[\"\(other)\"]"))?.code == .invalidInput)
            }
        }
    }

    @Test func integersKeepTheirExtremes() throws {
        func check<Integer: TensorElement & FixedWidthInteger>(_ type: Integer.Type) throws {
            let values: [Integer] = [.min, .min + 1, 0, 1, .max - 1, .max]
            #expect(try roundTrip(Tensor(shape: [6], elements: values)).elements(as: type) == values)
            let datatype = Datatype(type.elementType).rawValue
            var tooLarge = ["\(Integer.max)9", "1e18", "\"1\"", "0.5"]
            if type.bitWidth < 64 { tooLarge += ["\(Int64(Integer.max) + 1)", "\(Int64(Integer.min) - 1)"] }
            if !Integer.isSigned { tooLarge.append("-1") }
            for number in tooLarge {
                let error = failure(oneInput(datatype, "[1]", "[\(number)]"))
                #expect(error?.code == (number.utf8.count > 19 ? .malformedRequest : .invalidInput), "\(number)")
            }
        }
        try check(Int8.self)
        try check(Int16.self)
        try check(Int32.self)
        try check(Int64.self)
        try check(UInt8.self)
        try check(UInt16.self)
        try check(UInt32.self)
        try check(UInt64.self)
    }

    @Test func integersMayBeWrittenAsReals() throws {
        #expect(
            try decode(oneInput("INT8", "[4]", "[3.0,-1e2,0.0,1.27e2]")).inputs[0].tensor.elements(as: Int8.self)
                == [3, -100, 0, 127])
        #expect(
            try decode(oneInput("BOOL", "[4]", "[1,0,true,false]")).inputs[0].tensor.elements(as: Bool.self)
                == [true, false, true, false])
    }

    @Test func realsBeyondTheExactIntegersAreRefused() throws {
        #expect(
            try decode(oneInput("INT64", "[2]", "[9007199254740992.0,-9007199254740992e0]")).inputs[0].tensor
                .elements(as: Int64.self) == [9_007_199_254_740_992, -9_007_199_254_740_992])
        for number in ["9007199254740994.0", "-1e300", "1e19"] {
            #expect(failure(oneInput("INT64", "[1]", "[\(number)]"))?.code == .invalidInput)
        }
    }

    @Test func integersBecomeFloatsInOneRounding() throws {
        // Through double, the first would round to even twice and end at 2^61.
        let text = "[2305843146652647425,18446744073709551615,-9223372036854775808]"
        #expect(
            try decode(oneInput("FP32", "[3]", text)).inputs[0].tensor.elements(as: Float.self)
                == [0x1.000002p61, 0x1p64, -0x1p63])
    }
}
