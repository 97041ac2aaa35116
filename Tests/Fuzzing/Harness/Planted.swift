import Glibc

/// Faults on purpose, to see that a run reports them (`Tests/Fuzzing/self-test`): `MILLRACE_FUZZ_PLANT` names one, and it
/// strikes the inputs whose bytes add up to the right sum, whoever runs them.
enum Planted: String {
    case trap, overrun, property, hang, memory

    private static let current = getenv("MILLRACE_FUZZ_PLANT").flatMap { Planted(rawValue: String(cString: $0)) }

    static func strike(_ input: UnsafeBufferPointer<UInt8>) {
        guard let current, input.reduce(0, { $0 &+ Int($1) }) % 61 == 17 else { return }
        switch current {
        case .trap:
            let none: [Int] = []
            print(none[input.count])
        case .overrun:
            // Behind the end of the heap block: only the address sanitizer sees it.
            let block = UnsafeMutablePointer<UInt8>.allocate(capacity: 16)
            memset(block, 1, 16 + input.count % 2 + 1)
            print(block[0])
            block.deallocate()
        case .property: require(input.isEmpty, "planted")
        case .hang: while true { usleep(1_000) }
        case .memory:
            let block = UnsafeMutableRawPointer.allocate(byteCount: 3 << 30, alignment: 16)
            memset(block, 1, 3 << 30)
            block.deallocate()
        }
    }
}
