import CFuzzProcess
import Glibc
import ModelFormats
import Synchronization

/// Keras's `.h5` files, libhdf5 included. Each input runs in a fork, because libhdf5 crashes by itself on damaged files: only what dies in
/// this package's code counts as a crash, what dies in the library is counted beside it.
enum HDF5Fuzzing {
    private static let hangSeconds: UInt32 = 2
    private static let libraryFailures = Mutex(0)
    /// The input of the fork that is about to be.
    private nonisolated(unsafe) static var current = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

    /// - Parameter sample: a sound file; it is read here, so that no fork has to fill the runtime's caches for itself.
    static func prepare(sample: String?) {
        fuzz_prepare_forking()
        if let sample {
            ModelChecks.check(isThorough: false) { () throws(ModelFormatError) in try ModelFile.open(sample) }
        }
        atexit { HDF5Fuzzing.report() }
    }

    static func run(_ input: UnsafeBufferPointer<UInt8>) {
        _ = Scratch.write(input, to: "model.h5")
        current = input
        switch fuzz_run_forked({ HDF5Fuzzing.read() }, hangSeconds) {
        case .answered: break
        case .library_failed:
            libraryFailures.withLock { $0 += 1 }
            keepSample(input)
        case .failed: failed("reading ended with a crash or a hang in this package's code")
        }
    }

    /// In the fork.
    private static func read() {
        Planted.strike(current)
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
