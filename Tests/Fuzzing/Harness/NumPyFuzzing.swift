import ModelFormats
import TensorEngine

/// NumPy's files: every input is read as an `.npy`, as an `.npz`, and as the one entry of an `.npz` whose checksums are
/// right; the magic number decides which goes far.
enum NumPyFuzzing {
    static func run(_ input: UnsafeBufferPointer<UInt8>) {
        let path = Scratch.write(input, to: "array")
        check(input.count) { () throws(ModelFormatError) in [("", try NumPyFile.read(path))] }
        check(input.count) { () throws(ModelFormatError) in try NumPyArchive.read(path) }
        let archive = Scratch.write(StoredZip.archive(of: Array(input), named: "a.npy"), to: "archive")
        check(input.count) { () throws(ModelFormatError) in try NumPyArchive.read(archive) }
    }

    private static func check(
        _ bytes: Int, _ read: () throws(ModelFormatError) -> [(name: String, tensor: Tensor)]
    ) {
        switch (Result(catching: read), Result(catching: read)) {
        case (.failure(let one), .failure(let other)):
            require(one == other, "two readings ended differently: \(one) and \(other)")
            ModelChecks.checkMessage(one.description)
        case (.success(let one), .success(let other)):
            require(isSame(one, other), "two readings gave different arrays")
            let total = one.reduce(0) { $0 + $1.tensor.byteCount }
            require(total <= max(bytes, 1) * 1_100 + (one.count << 16), "\(total) bytes out of \(bytes)")
            if !one.isEmpty { writeAgain(one) }
        default: failed("a file was read once and refused once")
        }
    }

    private static func writeAgain(_ arrays: [(name: String, tensor: Tensor)]) {
        let path = "\(Scratch.path)/copy.npz"
        do throws(ModelFormatError) {
            try NumPyArchive.write(arrays, to: path)
            require(isSame(try NumPyArchive.read(path), arrays), "an array changed by being written")
        } catch {
            failed("arrays that were read cannot be written and read: \(error)")
        }
    }

    private static func isSame(
        _ one: [(name: String, tensor: Tensor)], _ other: [(name: String, tensor: Tensor)]
    ) -> Bool {
        one.count == other.count
            && zip(one, other).allSatisfy { left, right in
                left.name == right.name && left.tensor.elementType == right.tensor.elementType
                    && left.tensor.shape == right.tensor.shape
                    && left.tensor.withBytes { a in right.tensor.withBytes { a.elementsEqual($0) } }
            }
    }
}
