import CFuzzProcess
import Glibc
import ModelFormats
import Synchronization

/// Keras's `.h5` files. Each input runs in a fork, because libhdf5 crashes by itself on damaged files: only what dies in
/// this package's code counts as a crash, what dies in the library is counted beside it.
enum KerasFuzzing {
    private static let hangSeconds: UInt32 = 2
    private static let libraryFailures = Mutex(0)

    /// - Parameter sample: a sound file; it is read here, so that no fork has to fill the runtime's caches for itself.
    static func prepare(sample: String?) {
        fuzz_prepare_forking()
        if let sample {
            ModelChecks.check(isThorough: false) { () throws(ModelFormatError) in try ModelFile.open(sample) }
        }
        atexit { KerasFuzzing.report() }
    }

    static func run(_ input: UnsafeBufferPointer<UInt8>) {
        _ = Scratch.write(input, to: "model.h5")
        switch fuzz_run_forked({ KerasFuzzing.read() }, hangSeconds) {
        case .answered: break
        case .library_failed:
            libraryFailures.withLock { $0 += 1 }
            keepSample(input)
        case .failed: failed("reading ended with a crash or a hang in this package's code")
        }
    }

    /// In the fork.
    private static func read() {
        ModelChecks.check(isThorough: false) { () throws(ModelFormatError) in
            try ModelFile.open("\(Scratch.path)/model.h5")
        }
    }

    /// Keeps one small file that the library dies of, where `MILLRACE_FUZZ_LIBRARY_CRASH` says.
    private static func keepSample(_ input: UnsafeBufferPointer<UInt8>) {
        guard let path = getenv("MILLRACE_FUZZ_LIBRARY_CRASH"), access(path, F_OK) != 0,
            let file = fopen(path, "w")
        else { return }
        fwrite(input.baseAddress, 1, input.count, file)
        fclose(file)
    }

    private static func report() {
        print("libhdf5 itself crashed or hung on \(libraryFailures.withLock { $0 }) inputs")
    }
}
