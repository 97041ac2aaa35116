/// Converts elements between any two types of numbers as ONNX's Cast does: floats round to nearest even, floats to integers
/// truncate, integers to narrower integers lose their higher bits. A float outside of an integer's range, which ONNX leaves
/// open, saturates to 64 bits and then loses its higher bits; NaN is zero.
struct ElementConversion: Sendable {
    let source: ElementType
    let target: ElementType
    /// Whether values beyond an 8-bit float's range become its largest one.
    var saturates = true
    var rounding = PowerOfTwoFloat.Rounding.up

    private static let block = 512

    init(from source: ElementType, to target: ElementType) {
        (self.source, self.target) = (source, target)
    }

    func convert(_ input: UnsafeRawPointer, to output: UnsafeMutableRawPointer, _ count: Int) {
        if source == target {
            output.copyMemory(from: input, byteCount: count * source.byteCount)
            return
        }
        let (sourceSize, targetSize) = (source.byteCount, target.byteCount)
        var start = 0
        while start < count {
            let length = min(Self.block, count - start)
            let from = input + start * sourceSize
            let to = output + start * targetSize
            if source.isFloatingPoint {
                withUnsafeTemporaryAllocation(of: Double.self, capacity: length) { buffer in
                    load(from, buffer)
                    store(buffer, to)
                }
            } else {
                withUnsafeTemporaryAllocation(of: Int64.self, capacity: length) { buffer in
                    load(from, buffer)
                    store(buffer, to)
                }
            }
            start += length
        }
    }

    // MARK: Floats, exact in binary64

    func load(_ input: UnsafeRawPointer, _ buffer: UnsafeMutableBufferPointer<Double>) {
        func each<Element>(_ type: Element.Type, _ convert: (Element) -> Double) {
            let elements = input.assumingMemoryBound(to: type)
            for index in buffer.indices { buffer[index] = convert(elements[index]) }
        }
        func narrow(_ format: NarrowFloat) { each(UInt8.self) { Double(format.values[Int($0)]) } }
        switch source {
        case .float32: each(Float.self) { Double($0) }
        case .float64: each(Double.self) { $0 }
        case .float16: each(Float16.self) { Double($0) }
        case .bfloat16: each(BFloat16.self) { $0.double }
        case .float8e4m3fn: narrow(.e4m3fn)
        case .float8e4m3fnuz: narrow(.e4m3fnuz)
        case .float8e5m2: narrow(.e5m2)
        case .float8e5m2fnuz: narrow(.e5m2fnuz)
        case .float4e2m1: narrow(.e2m1)
        case .float8e8m0: each(UInt8.self) { PowerOfTwoFloat.value($0) }
        default: break
        }
    }

    func store(_ buffer: UnsafeMutableBufferPointer<Double>, _ output: UnsafeMutableRawPointer) {
        func each<Element>(_ type: Element.Type, _ convert: (Double) -> Element) {
            let elements = output.assumingMemoryBound(to: type)
            for index in buffer.indices { elements[index] = convert(buffer[index]) }
        }
        func integer<Element: FixedWidthInteger>(_ type: Element.Type, bits: Int = Element.bitWidth) {
            each(type) { Self.narrowed(Int64(rounding: $0), bits: bits) }
        }
        func narrow(_ format: NarrowFloat) {
            let saturates = saturates
            each(UInt8.self) { format.code($0, saturates: saturates) }
        }
        switch target {
        case .float32: each(Float.self) { Float($0) }
        case .float64: each(Double.self) { $0 }
        case .float16: each(Float16.self) { Float16($0) }
        case .bfloat16: each(BFloat16.self) { BFloat16(Float($0)) }
        case .bool: each(Bool.self) { $0 != 0 }
        case .int8: integer(Int8.self)
        case .int16: integer(Int16.self)
        case .int32: integer(Int32.self)
        case .int64: integer(Int64.self)
        case .uint8: integer(UInt8.self)
        case .uint16: integer(UInt16.self)
        case .uint32: integer(UInt32.self)
        case .uint64: each(UInt64.self) { $0 < 0 ? UInt64(bitPattern: Int64(rounding: $0)) : UInt64(rounding: $0) }
        case .int4: integer(Int8.self, bits: 4)
        case .int2: integer(Int8.self, bits: 2)
        case .uint4: integer(UInt8.self, bits: 4)
        case .uint2: integer(UInt8.self, bits: 2)
        case .float8e4m3fn: narrow(.e4m3fn)
        case .float8e4m3fnuz: narrow(.e4m3fnuz)
        case .float8e5m2: narrow(.e5m2)
        case .float8e5m2fnuz: narrow(.e5m2fnuz)
        case .float4e2m1: narrow(.e2m1)
        case .float8e8m0:
            let (rounding, saturates) = (rounding, saturates)
            each(UInt8.self) { PowerOfTwoFloat.code($0, rounding, saturates: saturates) }
        // Strings are no numbers and have no bytes: operators convert them by themselves.
        case .string: break
        }
    }

    // MARK: Integers, as 64 bits

    func load(_ input: UnsafeRawPointer, _ buffer: UnsafeMutableBufferPointer<Int64>) {
        func each<Element>(_ type: Element.Type, _ convert: (Element) -> Int64) {
            let elements = input.assumingMemoryBound(to: type)
            for index in buffer.indices { buffer[index] = convert(elements[index]) }
        }
        switch source {
        case .bool: each(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .int8, .int4, .int2: each(Int8.self) { Int64($0) }
        case .int16: each(Int16.self) { Int64($0) }
        case .int32: each(Int32.self) { Int64($0) }
        case .int64: each(Int64.self) { $0 }
        case .uint8, .uint4, .uint2: each(UInt8.self) { Int64($0) }
        case .uint16: each(UInt16.self) { Int64($0) }
        case .uint32: each(UInt32.self) { Int64($0) }
        case .uint64: each(UInt64.self) { Int64(bitPattern: $0) }
        default: break
        }
    }

    func store(_ buffer: UnsafeMutableBufferPointer<Int64>, _ output: UnsafeMutableRawPointer) {
        func each<Element>(_ type: Element.Type, _ convert: (Int64) -> Element) {
            let elements = output.assumingMemoryBound(to: type)
            for index in buffer.indices { elements[index] = convert(buffer[index]) }
        }
        func integer<Element: FixedWidthInteger>(_ type: Element.Type, bits: Int = Element.bitWidth) {
            each(type) { Self.narrowed($0, bits: bits) }
        }
        let isUnsigned = source == .uint64
        switch target {
        case .float32: each(Float.self) { isUnsigned ? Float(UInt64(bitPattern: $0)) : Float($0) }
        case .float64: each(Double.self) { isUnsigned ? Double(UInt64(bitPattern: $0)) : Double($0) }
        case .float16: each(Float16.self) { isUnsigned ? Float16(UInt64(bitPattern: $0)) : Float16($0) }
        case .bool: each(Bool.self) { $0 != 0 }
        case .int8: integer(Int8.self)
        case .int16: integer(Int16.self)
        case .int32: integer(Int32.self)
        case .int64: each(Int64.self) { $0 }
        case .uint8: integer(UInt8.self)
        case .uint16: integer(UInt16.self)
        case .uint32: integer(UInt32.self)
        case .uint64: each(UInt64.self) { UInt64(bitPattern: $0) }
        case .int4: integer(Int8.self, bits: 4)
        case .int2: integer(Int8.self, bits: 2)
        case .uint4: integer(UInt8.self, bits: 4)
        case .uint2: integer(UInt8.self, bits: 2)
        default:
            withUnsafeTemporaryAllocation(of: Double.self, capacity: buffer.count) { doubles in
                for index in buffer.indices {
                    doubles[index] = isUnsigned ? Double(UInt64(bitPattern: buffer[index])) : Double(buffer[index])
                }
                store(doubles, output)
            }
        }
    }

    /// The lowest bits, sign-extended in a signed type.
    private static func narrowed<Element: FixedWidthInteger>(_ value: Int64, bits: Int) -> Element {
        let shift = Element.bitWidth - bits
        return (Element(truncatingIfNeeded: value) << shift) >> shift
    }
}
