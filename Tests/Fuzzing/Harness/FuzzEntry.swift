import CFuzzProcess
import Glibc

/// What is fuzzed; `MILLRACE_FUZZ_TARGET` picks it.
enum FuzzTarget: String, CaseIterable {
    case codec, bundle, numpy, keras, hdf5

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
        case .hdf5: HDF5Fuzzing.run(input)
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
    if target == .hdf5 { HDF5Fuzzing.prepare(sample: getenv("MILLRACE_FUZZ_SAMPLE").map { String(cString: $0) }) }
    atexit { Slowest.report() }
    return 0
}

/// The input that took longest; `run` reads it from the last lines.
private enum Slowest {
    private nonisolated(unsafe) static var duration = Duration.zero
    private nonisolated(unsafe) static var bytes = 0

    static func note(_ duration: Duration, _ bytes: Int) {
        guard duration > self.duration else { return }
        self.duration = duration
        self.bytes = bytes
    }

    static func report() {
        print("slowest input: \(Int(duration / .milliseconds(1))) ms, \(bytes) bytes")
    }
}

/// One input.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeBufferPointer(start: start, count: count)
    // A planted fault of the file reader must strike where the reader runs: in the fork.
    if FuzzTarget.current != .hdf5 { Planted.strike(input) }
    let started = ContinuousClock.now
    FuzzTarget.current.run(input)
    Slowest.note(ContinuousClock.now - started, count)
    return 0
}

private let mutator = Mutator(
    FuzzTarget.current, dictionary: getenv("MILLRACE_FUZZ_DICTIONARY").map { String(cString: $0) } ?? "")

/// Makes the next input, in place.
@_cdecl("LLVMFuzzerCustomMutator")
func mutateInput(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ capacity: Int, _ seed: UInt32) -> Int {
    var random = SplitMix64(state: UInt64(seed))
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    guard let mutated = mutator.mutate(input, most: capacity, &random) else {
        return LLVMFuzzerMutate(start, count, capacity)
    }
    start.update(from: mutated, count: mutated.count)
    return mutated.count
}
