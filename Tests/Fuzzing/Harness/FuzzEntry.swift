import Glibc

/// What is fuzzed; `MILLRACE_FUZZ_TARGET` picks it.
enum FuzzTarget: String, CaseIterable {
    case codec, bundle, numpy, keras

    static let current: FuzzTarget = {
        let name = getenv("MILLRACE_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = FuzzTarget(rawValue: name) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            print("MILLRACE_FUZZ_TARGET: found \"\(name)\", expected one of \(names)")
            exit(2)
        }
        return target
    }()

    func run(_ input: UnsafeBufferPointer<UInt8>) {
        switch self {
        case .codec: CodecFuzzing.run(input)
        case .bundle: BundleFuzzing.run(input)
        case .numpy: NumPyFuzzing.run(input)
        case .keras: KerasFuzzing.run(input)
        }
    }
}

/// libFuzzer calls it once, before the first input. With `MILLRACE_FUZZ_SEEDS` it writes the seeds there and ends.
@_cdecl("LLVMFuzzerInitialize")
func initializeFuzzer(
    _ count: UnsafeMutablePointer<CInt>?,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    let target = FuzzTarget.current
    if let folder = getenv("MILLRACE_FUZZ_SEEDS"), let root = getenv("MILLRACE_FUZZ_ROOT") {
        do {
            try Seeds.write(target, into: String(cString: folder), packageRoot: String(cString: root))
            exit(0)
        } catch {
            print("no seeds for \(target): \(error)")
            exit(2)
        }
    }
    if target == .keras { KerasFuzzing.prepare(sample: getenv("MILLRACE_FUZZ_SAMPLE").map { String(cString: $0) }) }
    return 0
}

/// One input.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.current.run(UnsafeBufferPointer(start: start, count: count))
    return 0
}
