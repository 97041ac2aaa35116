import Foundation
import TensorEngine
import Testing

@Suite struct TensorTests {
    @Test func writingCopiesSharedMemory() throws {
        let original = try Tensor(shape: [2], elements: [1, 2] as [Float])
        var copy = original
        #expect(address(copy) == address(original))
        copy.withMutableBytes { $0.storeBytes(of: Float(9), as: Float.self) }
        #expect(original.floats == [1, 2] && copy.floats == [9, 2])
        let before = address(copy)
        copy.withMutableBytes { $0.storeBytes(of: Float(8), as: Float.self) }
        #expect(address(copy) == before)
        let reshaped = try copy.reshaped(to: [2, 1])
        #expect(address(reshaped) == before)
    }

    @Test func memoryIsAligned() {
        for count in [0, 1, 3, 17, 1000] {
            let tensor = Tensor(zeros: .float32, shape: [count])
            #expect(UInt(bitPattern: address(tensor)) % 64 == 0)
        }
    }

    /// A memory-mapped file is read in place, kept alive by its owner, and copied before a write.
    @Test func mappedMemoryIsBorrowed() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: url) }
        try [Float](arrayLiteral: 1, 2, 3, 4).withUnsafeBytes { try Data($0).write(to: url) }
        let mapped = try NSData(contentsOf: url, options: .alwaysMapped)
        let bytes = UnsafeRawBufferPointer(start: mapped.bytes, count: mapped.length)
        var tensor = try Tensor(.float32, shape: [2, 2], borrowing: bytes, owner: mapped)
        #expect(address(tensor) == mapped.bytes)
        tensor.withMutableBytes { $0.storeBytes(of: Float(7), as: Float.self) }
        #expect(address(tensor) != mapped.bytes && tensor.floats == [7, 2, 3, 4])
        // One byte off, the elements are not aligned: a copy.
        let shifted = UnsafeRawBufferPointer(rebasing: bytes[1..<9])
        let copied = try Tensor(.float32, shape: [2], borrowing: shifted, owner: mapped)
        #expect(UInt(bitPattern: address(copied)) % 64 == 0)
    }

    @Test func shapesAreChecked() throws {
        #expect(throws: TensorError.self) { try Shape([2, -1]) }
        #expect(throws: TensorError.self) { try Shape([1 << 40, 1 << 40]) }
        #expect(throws: TensorError.self) { try Tensor(shape: [3], elements: [1, 2] as [Float]) }
        let huge = try Shape([1 << 62])
        #expect(throws: TensorError.self) {
            try Tensor(.float64, shape: huge, bytes: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        #expect(throws: TensorError.self) { try Tensor(shape: huge, elements: [1] as [Float]) }
    }

    private func address(_ tensor: Tensor) -> UnsafeRawPointer? { tensor.withBytes { $0.baseAddress } }
}
