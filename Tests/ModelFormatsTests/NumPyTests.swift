import Foundation
import ModelFormats
import TensorEngine
import TestSupport
import Testing

@Suite struct NumPyTests {
    static let tensors: [(name: String, tensor: Tensor)] = {
        func make<Element: TensorElement>(_ shape: Shape, _ elements: [Element]) -> Tensor? {
            try? Tensor(shape: shape, elements: elements)
        }
        let all: [Tensor?] = [
            make([2, 3], [1, 2, 3, 4, 5, 6.5] as [Float]), make([2], [1, -2.25] as [Double]),
            make([3], [-1, 2, 3] as [Int8]), make([1, 1, 2], [-1, 300] as [Int16]), make([], [7] as [Int32]),
            make([2], [Int64.min, .max]), make([0, 4], [] as [UInt8]), make([1], [65_535] as [UInt16]),
            make([1], [UInt32.max]), make([1], [UInt64.max]), make([4], [true, false, true, true]),
            Tensor(zeros: .float16, shape: [2]),
        ]
        return all.compactMap { $0 }.enumerated().map { ("array/\($0)", $1) }
    }()

    @Test(arguments: [false, true])
    func archivesRoundTrip(_ compressed: Bool) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/arrays.npz"
        try NumPyArchive.write(Self.tensors, to: path, compressed: compressed)
        let read = try NumPyArchive.read(path)
        #expect(read.map(\.name) == Self.tensors.map(\.name))
        for (found, expected) in zip(read, Self.tensors) {
            #expect(found.tensor.elementType == expected.tensor.elementType)
            #expect(found.tensor.shape == expected.tensor.shape)
            #expect(found.tensor.withBytes { Array($0) } == expected.tensor.withBytes { Array($0) })
        }
        let again = "\(folder.path)/again.npz"
        try NumPyArchive.write(Self.tensors, to: again, compressed: compressed)
        #expect(try bytes(of: path) == bytes(of: again))
    }

    @Test func filesRoundTrip() throws {
        let folder = try TemporaryFolder()
        for (name, tensor) in Self.tensors {
            let path = "\(folder.path)/\(name.dropFirst(6)).npy"
            try NumPyFile.write(tensor, to: path)
            let read = try NumPyFile.read(path)
            #expect(read.shape == tensor.shape)
            #expect(read.withBytes { Array($0) } == tensor.withBytes { Array($0) })
        }
    }

    /// What `numpy.savez` and `numpy.savez_compressed` wrote.
    @Test func readsNumPysOwnFiles() throws {
        let stored = try NumPyArchive.read(Fixtures.path("digits/cnn_outputs.npz"))
        #expect(stored.map(\.name) == ["probabilities"])
        #expect(stored[0].tensor.shape == [1797, 10])
        let deflated = try NumPyArchive.read(Fixtures.path("digits/digits.npz"))
        #expect(deflated.map(\.name) == ["images", "pixels", "labels"])
        #expect(deflated.map(\.tensor.elementType) == [.float32, .float32, .int64])
        let first = try deflated[1].tensor.elements(as: Float.self)[0..<8]
        #expect(first == [0, 0, 5, 13, 9, 1, 0, 0])
    }

    static func npy(
        _ header: String, version: (UInt8, UInt8) = (1, 0), data: [UInt8] = []
    ) -> [UInt8] {
        let length = version.0 == 1 ? 2 : 4
        let text = Array(header.utf8)
        let size = (0..<length).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        return [0x93] + Array("NUMPY".utf8) + [version.0, version.1] + size + text + data
    }

    @Test func readsFortranOrderAndLaterVersions() throws {
        let folder = try TemporaryFolder()
        // [[1, 2, 3], [4, 5, 6]] column by column.
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n"
        for version in [(1, 0), (2, 0), (3, 0)] as [(UInt8, UInt8)] {
            let path = try folder.file("f.npy", Self.npy(header, version: version, data: [1, 4, 2, 5, 3, 6]))
            let tensor = try NumPyFile.read(path)
            #expect(tensor.shape == [2, 3])
            #expect(try tensor.elements(as: UInt8.self) == [1, 2, 3, 4, 5, 6])
        }
    }

    @Test func anyByteButZeroIsTrue() throws {
        let folder = try TemporaryFolder()
        let header = "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }"
        let path = try folder.file("b.npy", Self.npy(header, data: [0, 7, 255]))
        #expect(try NumPyFile.read(path).elements(as: Bool.self) == [false, true, true])
    }

    struct BadHeader: Sendable {
        let bytes: [UInt8]
        let reason: ModelFormatError.Reason
        let mention: String
    }

    static let badHeaders: [BadHeader] = [
        BadHeader(bytes: [], reason: .truncated, mention: "header"),
        BadHeader(bytes: Array("NUMPY and more".utf8), reason: .malformed, mention: "signature"),
        BadHeader(bytes: npy("{}", version: (4, 0)), reason: .unsupported, mention: "4.0"),
        BadHeader(bytes: npy("{}"), reason: .malformed, mention: "dictionary"),
        BadHeader(bytes: npy("{'descr': '<f4', 'shape': (1,)}"), reason: .malformed, mention: "dictionary"),
        BadHeader(
            bytes: npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", data: [0, 0, 0, 0]),
            reason: .unsupported, mention: "'>f4'"),
        BadHeader(
            bytes: npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), reason: .unsupported, mention: "'|O'"),
        BadHeader(
            bytes: npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"), reason: .unsupported,
            mention: "structured"),
        BadHeader(
            bytes: npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), reason: .malformed,
            mention: "dictionary"),
        BadHeader(
            bytes: npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
            reason: .malformed, mention: "overflows"),
        BadHeader(
            bytes: npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,)}"), reason: .tooLarge,
            mention: "limit"),
        BadHeader(
            bytes: npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", data: [0, 0, 0, 0]),
            reason: .truncated, mention: "found 4 bytes of data, expected 8"),
        BadHeader(
            bytes: npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", data: [0, 0, 0, 0, 9]),
            reason: .malformed, mention: "found 5 bytes"),
        BadHeader(
            bytes: [0x93] + Array("NUMPY".utf8) + [2, 0, 255, 255, 255, 255], reason: .tooLarge, mention: "header"),
    ]

    @Test(arguments: badHeaders)
    func badFilesAreRefused(_ bad: BadHeader) throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("bad.npy", bad.bytes)
        let error = try error { _ = try NumPyFile.read(path) }
        #expect(error.reason == bad.reason, "\(error)")
        #expect(error.description.contains(bad.mention), "\(error)")
        #expect(error.file == path)
    }

    @Test func hostileArchivesAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/a.npz"
        try NumPyArchive.write(
            [("zeros", Tensor(zeros: .float32, shape: [1 << 20])), ("more", Tensor(zeros: .uint8, shape: [10]))],
            to: path, compressed: true)
        var limits = ModelFormatLimits()
        limits.maximumCompressionRatio = 100
        let bomb = try error { _ = try NumPyArchive.read(path, limits: limits) }
        #expect(bomb.reason == .tooLarge)
        #expect(bomb.location == "entry 'zeros.npy'")
        limits = ModelFormatLimits()
        limits.maximumEntries = 1
        #expect(try error { _ = try NumPyArchive.read(path, limits: limits) }.reason == .tooLarge)
        limits = ModelFormatLimits()
        limits.maximumTotalBytes = 1 << 20
        #expect(try error { _ = try NumPyArchive.read(path, limits: limits) }.reason == .tooLarge)
        limits = ModelFormatLimits()
        limits.maximumTensorBytes = 1 << 20
        #expect(try error { _ = try NumPyArchive.read(path, limits: limits) }.reason == .tooLarge)
    }

    @Test func damagedArchivesAreRefused() throws {
        let folder = try TemporaryFolder()
        let text = try folder.file("text.npz", "hello, world, this is no archive".utf8)
        #expect(try error { _ = try NumPyArchive.read(text) }.reason == .unknownFormat)
        let good = "\(folder.path)/good.npz"
        try NumPyArchive.write([("a", Tensor(zeros: .float32, shape: [100]))], to: good)
        let whole = try bytes(of: good)
        for length in stride(from: 4, to: whole.count, by: 37) {
            let cut = try folder.file("cut.npz", whole.prefix(length))
            #expect(try error { _ = try NumPyArchive.read(cut) }.reason == .malformed)
        }
        var flipped = whole
        // Inside the data: the checksum no longer fits.
        flipped[300] ^= 1
        let damaged = try folder.file("flipped.npz", flipped)
        let error = try error { _ = try NumPyArchive.read(damaged) }
        #expect(error.reason == .malformed)
        #expect(error.location == "entry 'a.npy'")
    }

    @Test func refusesToWriteWhatNumPyLacks() throws {
        let folder = try TemporaryFolder()
        let tensor = Tensor(zeros: .bfloat16, shape: [2])
        #expect(try error { try NumPyFile.write(tensor, to: "\(folder.path)/b.npy") }.reason == .unsupported)
        let path = "\(folder.path)/no/such/folder.npz"
        #expect(try error { try NumPyArchive.write([("a", tensor)], to: path) }.reason == .unsupported)
        let zeros = Tensor(zeros: .float32, shape: [2])
        #expect(try error { try NumPyArchive.write([("a", zeros)], to: path) }.reason == .unwritable)
    }
}
