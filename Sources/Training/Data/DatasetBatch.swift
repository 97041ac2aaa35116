public import TensorEngine

extension Dataset {
    /// The labels of some rows: class indices, int64 [rows], or numbers, float32 [rows, targets].
    /// - Throws: ``DataError`` when the rows have no labels.
    public func labelTensor(_ rows: some Collection<Int>) throws(DataError) -> Tensor {
        let count = schema.labelCount
        guard count > 0 else { throw DataError(.missing, at: "label", "the dataset has no labels") }
        do throws(TensorError) {
            guard !schema.isClassification else {
                return try Tensor(shape: try Shape([rows.count]), elements: rows.map { Int64(classIndex($0)) })
            }
            return Tensor(.float32, shape: try Shape([rows.count, count])) { target in
                let target = target.assumingMemoryBound(to: Float.self)
                for (place, row) in rows.enumerated() {
                    copyLabel(
                        row, into: UnsafeMutableBufferPointer(rebasing: target[place * count..<(place + 1) * count]))
                }
            }
        } catch {
            throw DataError(.tooLarge, at: "label", error.description)
        }
    }

    /// The weights of some rows, float32 [rows].
    /// - Throws: ``DataError`` for more rows than a tensor has room for.
    public func weightTensor(_ rows: some Collection<Int>) throws(DataError) -> Tensor {
        do throws(TensorError) {
            return try Tensor(shape: try Shape([rows.count]), elements: rows.map { weight($0) })
        } catch {
            throw DataError(.tooLarge, at: "weight", error.description)
        }
    }

    /// A weight for each class with which all weigh alike: rows / (classes that occur · the class's rows),
    /// scikit-learn's `balanced`; 0 for a class without rows.
    /// - Throws: ``DataError`` when the label is no class.
    public func balancedClassWeights(_ rows: some Collection<Int>) throws(DataError) -> [Double] {
        guard schema.isClassification else {
            throw DataError(.unsupported, at: "label", "only classes have balanced weights")
        }
        let counts = classCounts(rows)
        let occurring = Double(counts.count { $0 > 0 })
        return counts.map { $0 == 0 ? 0 : Double(rows.count) / (occurring * Double($0)) }
    }
}
