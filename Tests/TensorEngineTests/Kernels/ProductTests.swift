import TensorEngine
import Testing

@Suite struct ProductTests {
    static let extents = [(1, 784, 128), (5, 3, 1), (32, 784, 129), (13, 512, 33), (100, 1, 31), (129, 257, 65)]

    @Test(arguments: extents) func agreesWithOpenBLAS(_ m: Int, _ k: Int, _ n: Int) throws {
        var numbers = Numbers(seed: 9)
        let a = numbers.tensor([m, k])
        let b = numbers.tensor([k, n])
        var reference = [Float](repeating: 0, count: m * n)
        OpenBLAS.multiply(m: m, n: n, k: k, a.floats, b.floats, &reference)
        for set in InstructionSet.available {
            let graph = Graph.single("MatMul", input: [.batch, .fixed(k)], constants: [b])
            let found = try CompiledGraph.run(graph, [a], options: .init(set))[0].floats
            let worst = zip(found, reference).map { abs($0 - $1) }.max() ?? 0
            // Both round k times; the terms are below 1.
            #expect(worst <= Float(k) * 2 * .ulpOfOne, "\(set)")
        }
    }

    /// Each element is one chain of fused multiply-adds over k in order.
    @Test func accumulatesInOrder() throws {
        var numbers = Numbers(seed: 21)
        let (m, k, n) = (29, 301, 75)
        let a = numbers.tensor([m, k])
        let b = numbers.tensor([k, n])
        let (left, right) = (a.floats, b.floats)
        for set in InstructionSet.available {
            var expected: [UInt32] = []
            for i in 0..<m {
                for j in 0..<n {
                    var sum: Float = 0
                    for p in 0..<k {
                        let (x, y) = (left[i * k + p], right[p * n + j])
                        sum = set == .baseline ? sum + x * y : sum.addingProduct(x, y)
                    }
                    expected.append(sum.bitPattern)
                }
            }
            let graph = Graph.single("MatMul", input: [.batch, .fixed(k)], constants: [b])
            #expect(try CompiledGraph.run(graph, [a], options: .init(set))[0].bits == expected, "\(set)")
        }
    }

    /// The padding of the last panel meets infinities in the row; no real column may turn NaN from it.
    @Test(arguments: InstructionSet.available) func paddingDoesNotContaminate(_ set: InstructionSet) throws {
        for n in [1, 5, 31, 33, 63] {
            let weights = Tensor(shape: [2, try Shape([n])[0]], repeating: 1)
            let x = try Tensor(shape: [2, 2], elements: [.infinity, 1, .nan, 2] as [Float])
            let y = try CompiledGraph.run(
                .single("MatMul", input: [.batch, .fixed(2)], constants: [weights]), [x], options: .init(set))[0]
            #expect(y.floats[..<n].allSatisfy { $0 == .infinity })
            #expect(y.floats[n...].allSatisfy { $0.bitPattern == Float.nan.bitPattern })
        }
    }

    @Test func maxPoolPassesNaN() throws {
        let x = try Tensor(shape: [1, 1, 4], elements: [.nan, 1, 2, 3] as [Float])
        let graph = Graph.single(
            "MaxPool", input: [.batch, .fixed(1), .fixed(4)],
            attributes: ["kernel_shape": .ints([2]), "strides": .ints([2])])
        let y = try CompiledGraph.run(graph, [x])[0].floats
        #expect(y[0].isNaN && y[1] == 3)
    }

    @Test func integerQuotientByZeroIsZero() throws {
        let x = try Tensor(shape: [3], elements: [7, .min, -7] as [Int32])
        let divisor = try Tensor(shape: [3], elements: [0, -1, 2] as [Int32])
        let graph = Graph.single("Div", input: [.batch], constants: [divisor], elementType: .int32)
        #expect(try CompiledGraph.run(graph, [x])[0].elements(as: Int32.self) == [0, .min, -3])
    }
}
