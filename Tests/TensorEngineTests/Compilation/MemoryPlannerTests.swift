import Testing

@testable import TensorEngine

@Suite struct MemoryPlannerTests {
    @Test func blocksAliveTogetherDoNotOverlap() throws {
        var numbers = Numbers(seed: 1)
        for _ in 0..<50 {
            let blocks = (0..<40).map { _ in
                let first = Int(abs(numbers.next()) * 30)
                return MemoryPlanner.Block(
                    byteCount: Int(abs(numbers.next()) * 5000), firstStep: first,
                    lastStep: first + Int(abs(numbers.next()) * 8))
            }
            let (offsets, total) = try #require(MemoryPlanner.place(blocks))
            for (i, a) in blocks.enumerated() {
                #expect(offsets[i] % 64 == 0 && offsets[i] + a.byteCount <= total)
                for (j, b) in blocks.enumerated() where i < j {
                    let together = a.firstStep <= b.lastStep && b.firstStep <= a.lastStep
                    let apart = offsets[i] + a.byteCount <= offsets[j] || offsets[j] + b.byteCount <= offsets[i]
                    #expect(!together || apart)
                }
            }
        }
    }

    @Test func memoryIsReused() throws {
        // A chain needs two blocks at a time, however long it is.
        let chain = (0..<20).map { MemoryPlanner.Block(byteCount: 1000, firstStep: $0, lastStep: $0 + 1) }
        #expect(MemoryPlanner.place(chain)?.byteCount == 2 * 1024)
    }

    @Test func overflowIsReported() {
        let huge = MemoryPlanner.Block(byteCount: .max - 10, firstStep: 0, lastStep: 1)
        #expect(MemoryPlanner.place([huge, huge]) == nil)
    }
}
