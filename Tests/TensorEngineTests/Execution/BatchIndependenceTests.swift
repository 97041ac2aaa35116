import TensorEngine
import Testing

/// A row's result has the same bits alone and in any batch, at any position, with any neighbours, on any thread.
@Suite struct BatchIndependenceTests {
    static let cases: [LayerCase] = LayerCase.all

    @Test(arguments: InstructionSet.available) func rowsDoNotDependOnTheirBatch(_ set: InstructionSet) throws {
        #expect(Self.cases.count >= 24)
        for layer in Self.cases {
            let compiled = try CompiledGraph(layer.graph, options: .init(set))
            let rows = try Rows(layer, compiled)
            let context = ExecutionContext()
            for batch in layer.batchSizes {
                // Another offset for every batch size: the same row at many positions among many neighbours.
                try #require(try rows.mismatch(batch: batch, offset: batch * 7 % 130, context) == nil, "\(layer.name)")
            }
        }
    }

    @Test(arguments: 1...4) func threadsGiveTheSameBits(_ threadCount: Int) async throws {
        let pool = ComputePool(threadCount: threadCount)
        for layer in Self.cases {
            let compiled = try CompiledGraph(layer.graph)
            let rows = try Rows(layer, compiled)
            let found = try await withThrowingTaskGroup(of: String?.self) { group in
                for batch in [1, 5, 33, 64, 7, 130] {
                    group.addTask {
                        try await pool.run { try rows.mismatch(batch: batch, offset: batch % 11, $0) }
                    }
                }
                return try await group.reduce(into: [String]()) { if let text = $1 { $0.append(text) } }
            }
            #expect(found == [])
        }
        pool.shutdown()
    }

    /// NaN, infinities and zeros in a neighbour, and in the row itself, change no other row's bits.
    @Test(arguments: InstructionSet.available) func specialValuesStayInTheirRow(_ set: InstructionSet) throws {
        for layer in Self.cases {
            let compiled = try CompiledGraph(layer.graph, options: .init(set))
            let rows = try Rows(layer, compiled, special: true)
            let context = ExecutionContext()
            for batch in [2, 3, 13, 32] {
                try #require(try rows.mismatch(batch: batch, offset: batch, context) == nil, "\(layer.name)")
            }
        }
    }
}

/// 130 random rows of a layer's input and the bits of each one's result when it runs alone.
struct Rows: Sendable {
    private let layer: LayerCase
    private let compiled: CompiledGraph
    private let inputs: [Float]
    private let expected: [[UInt32]]
    private static let count = 130

    init(_ layer: LayerCase, _ compiled: CompiledGraph, special: Bool = false) throws {
        self.layer = layer
        self.compiled = compiled
        var numbers = Numbers(seed: 11)
        let width = layer.row.reduce(1, *)
        var values = (0..<Self.count * width).map { _ in numbers.next() }
        if special {
            let specials: [Float] = [
                .nan, .infinity, -.infinity, 0, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
            ]
            // Every third row has one.
            for row in stride(from: 0, to: Self.count, by: 3) {
                values[row * width + row % width] = specials[row / 3 % specials.count]
            }
            // NaNs that differ: which one would survive must not depend on the tile.
            values[4 * width] = Float(bitPattern: 0x7FC0_1234)
            values[4 * width + width - 1] = Float(bitPattern: 0xFFC0_4321)
        }
        inputs = values
        let plan = try compiled.plan(inputShapes: [Shape([1] + layer.row)])
        let context = ExecutionContext()
        expected = try (0..<Self.count).map { row in
            let slice = Array(values[row * width..<(row + 1) * width])
            let tensor = try Tensor(shape: Shape([1] + layer.row), elements: slice)
            return try context.run(plan, inputs: [tensor])[0].bits
        }
    }

    /// Describes the first row whose bits differ in a batch that starts at row `offset`, wrapping around.
    func mismatch(batch: Int, offset: Int, _ context: ExecutionContext) throws -> String? {
        let width = layer.row.reduce(1, *)
        let order = (0..<batch).map { (offset + $0) % Self.count }
        let elements = order.flatMap { inputs[$0 * width..<($0 + 1) * width] }
        let shape = try Shape([batch] + layer.row)
        let plan = try compiled.plan(inputShapes: [shape])
        let bits = try context.run(plan, inputs: [Tensor(shape: shape, elements: elements)])[0].bits
        let outputWidth = bits.count / batch
        for (position, row) in order.enumerated()
        where Array(bits[position * outputWidth..<(position + 1) * outputWidth]) != expected[row] {
            return "\(layer.name): row \(row) at position \(position) of \(batch)"
        }
        return nil
    }
}
