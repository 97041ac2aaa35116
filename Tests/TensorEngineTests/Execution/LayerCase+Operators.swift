import TensorEngine

extension LayerCase {
    /// Operators of the general families, each where a row might meet its neighbours.
    static func general(_ numbers: inout Numbers) -> [LayerCase] {
        func integers(_ values: [Int64]) -> Tensor {
            Tensor(.int64, shape: Shape(arrayLiteral: values.count)) { target in
                values.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
            }
        }
        let small = [1, 2, 3, 5, 8, 13, 31, 64, 130]
        func made(
            _ name: String, _ row: [Int], _ constants: [Tensor] = [], _ attributes: [String: AttributeValue] = [:],
            opset: Int = 18
        ) -> LayerCase {
            var graph = Graph.single(
                name, input: [.batch] + row.map(Dimension.fixed), constants: constants, attributes: attributes)
            graph.operatorSetVersion = opset
            return LayerCase(name: name, row: row, graph: graph, batchSizes: small)
        }
        var cases: [LayerCase] = [
            "ReduceSum", "ReduceMean", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceProd",
        ].map { made($0, [7, 33], [integers([-1])]) }
        cases += ["Erf", "Mish", "Sin", "Reciprocal", "Round", "Gelu", "Swish"].map { made($0, [19], opset: 24) }
        cases += ["LogSoftmax", "Hardmax", "LpNormalization"].map { made($0, [13, 37]) }
        cases += [
            made("CumSum", [7, 9], [integers([1])]),
            made("RMSNormalization", [5, 33], [numbers.tensor([33])], opset: 23),
            made("LayerNormalization", [5, 33], [numbers.tensor([33]), numbers.tensor([33])]),
            made("InstanceNormalization", [4, 9, 7], [numbers.tensor([4]), numbers.tensor([4])]),
            made(
                "GroupNormalization", [6, 5, 5], [numbers.tensor([6]), numbers.tensor([6])], ["num_groups": .int(3)],
                opset: 21),
            made("LRN", [6, 5, 5], [], ["size": .int(3)]),
            made("Einsum", [6, 5], [], ["equation": .string("bij->bji")]),
            made("Slice", [9, 7], [integers([1]), integers([8]), integers([1]), integers([3])]),
            made("Gather", [9, 7], [integers([3, -1, 0])], ["axis": .int(1)]),
            made("Pad", [9, 7], [integers([0, 2, 1, 0, 1, 3])], ["mode": .string("reflect")]),
            made("Pow", [9, 7], [numbers.tensor([7])]),
            made("Max", [9, 7], [numbers.tensor([9, 1])]),
            made("PRelu", [9, 7], [numbers.tensor([9, 1])]),
            made("AveragePool", [2, 5, 6, 7], [], ["kernel_shape": .ints([2, 3, 2])]),
            made("Conv", [2, 5, 6, 7], [numbers.tensor([3, 2, 2, 3, 2])]),
            made("ConvTranspose", [3, 6, 5], [numbers.tensor([3, 4, 3, 2])], ["strides": .ints([2, 1])]),
            made("DepthToSpace", [8, 3, 5], [], ["blocksize": .int(2)]),
        ]
        let weights = (0..<48 * 40).map { Int8(truncatingIfNeeded: $0 &* 37 % 255 - 127) }
        if let packed = try? Tensor(shape: [40, 48], elements: weights) {
            cases.append(made("DynamicQuantizeMatMul", [3, 48], [packed, numbers.tensor([40]), numbers.tensor([40])]))
        }
        return cases
    }
}
