import TensorEngine
import Testing

@Suite struct TopKTests {
    /// Rows longer than what is kept of them, with equal elements and NaN, against a sort of the whole row.
    @Test(arguments: [1, 2, 7, 64, 500, 501], [true, false])
    func keepsWhatASortPutsFirst(count: Int, largest: Bool) throws {
        let (rows, length) = (6, 501)
        var numbers = Numbers(seed: UInt64(count))
        var elements = (0..<rows * length).map { _ in (numbers.next() * 40).rounded() }
        // A row in order, one in reverse, one of a single number.
        for index in 0..<length {
            elements[index] = Float(index)
            elements[length + index] = Float(-index)
            elements[2 * length + index] = 1
        }
        for index in stride(from: 3 * length, to: 5 * length, by: 97) { elements[index] = .nan }
        let graph = Graph(
            name: "top", inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(length)])],
            outputs: ["y", "places"].map { ValueInfo(name: $0, elementType: .float32, dimensions: []) },
            nodes: [
                Node(
                    name: "top", operatorType: "TopK", inputs: ["x", "k"], outputs: ["y", "places"],
                    attributes: ["largest": .int(largest ? 1 : 0)])
            ],
            initializers: ["k": try Self.integer(count)])
        let outputs = try CompiledGraph.run(graph, [try Tensor(shape: try Shape([rows, length]), elements: elements)])
        let places = outputs[1].withElements(Int64.self) { $0.map(Int.init) }
        #expect(places.count == rows * count)
        for row in 0..<rows {
            let values = Array(elements[row * length..<(row + 1) * length])
            // NaN is the greatest; a stable sort leaves equal elements in their order.
            func rank(_ value: Float) -> Float { value.isNaN ? .infinity : value }
            let order = values.indices.sorted { a, b in
                let (left, right) = (rank(values[a]), rank(values[b]))
                return left == right ? a < b : (left > right) == largest
            }
            let found = Array(places[row * count..<(row + 1) * count])
            #expect(found == Array(order.prefix(count)), "row \(row)")
            let bits = outputs[0].bits[row * count..<(row + 1) * count]
            #expect(Array(bits) == found.map { values[$0].bitPattern }, "row \(row)")
        }
    }

    private static func integer(_ value: Int) throws -> Tensor {
        Tensor(.int64, shape: try Shape([1])) { $0.storeBytes(of: Int64(value), as: Int64.self) }
    }
}
