/// Places blocks of memory into one arena: greedy by size, each at the lowest offset where nothing alive at the same
/// time lies (Pisarchyk & Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, "greedy by size").
enum MemoryPlanner {
    struct Block {
        var byteCount: Int
        /// The first and last step that uses the block.
        var firstStep: Int
        var lastStep: Int
    }

    static let alignment = 64

    /// Offsets of the blocks, multiples of ``alignment``, and the arena's size; nil when the size overflows.
    static func place(_ blocks: [Block]) -> (offsets: [Int], byteCount: Int)? {
        var offsets = [Int](repeating: 0, count: blocks.count)
        var placed: [Int] = []
        var total = 0
        let order = blocks.indices.sorted {
            (blocks[$1].byteCount, blocks[$0].firstStep, $0) < (blocks[$0].byteCount, blocks[$1].firstStep, $1)
        }
        for index in order {
            let block = blocks[index]
            let conflicts = placed.filter {
                blocks[$0].firstStep <= block.lastStep && block.firstStep <= blocks[$0].lastStep
            }.sorted { offsets[$0] < offsets[$1] }
            var offset = 0
            for other in conflicts {
                // Everything before `offset` is taken; a gap that is wide enough ends the search.
                if offsets[other] >= offset, offsets[other] - offset >= block.byteCount { break }
                guard let end = aligned(offsets[other], plus: blocks[other].byteCount) else { return nil }
                offset = max(offset, end)
            }
            offsets[index] = offset
            guard let end = aligned(offset, plus: block.byteCount) else { return nil }
            total = max(total, end)
            placed.append(index)
        }
        return (offsets, total)
    }

    private static func aligned(_ offset: Int, plus byteCount: Int) -> Int? {
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        let (padded, second) = end.addingReportingOverflow(alignment - 1)
        return overflow || second ? nil : padded / alignment * alignment
    }
}
