import TensorEngine

/// Copies rows of training data into a step's input buffers.
final class BatchFiller {
    private enum Features {
        /// What the only input of the model is given, computed before.
        case ready(any Dataset)
        /// Computed batch by batch, for a model of several inputs.
        case raw(any Dataset, FittedPipeline, ExecutionContext)
    }

    private enum Label {
        case classIndex
        case oneHot(Int)
        case numbers
    }

    private let features: Features
    private let labels: any Dataset
    private let modelInputs: [ValueInfo]
    private let labelInfo: ValueInfo
    private let label: Label
    private let hasWeights: Bool
    private let augmentation: Augmentation?
    private let augmentedShape: [Int]
    private let seed: UInt64
    private var buffers: [FloatBuffer] = []
    private var row: FloatBuffer

    /// - Parameters:
    ///   - pipeline: adapted to the model's inputs.
    ///   - spillPath: where computed features go that memory does not hold.
    /// - Throws: ``DataError`` when the labels do not fit the loss, or a value is refused.
    init(
        _ dataset: any Dataset, pipeline: FittedPipeline, loss: LossGraph, modelInputs: [ValueInfo],
        augmentation: Augmentation?, seed: UInt64, spillPath: String?, limits: DataLimits
    ) throws(DataError) {
        (self.modelInputs, labelInfo, self.seed) = (modelInputs, loss.labels, seed)
        hasWeights = loss.sampleWeights != nil
        labels = dataset
        label = try Self.label(dataset.schema, loss)
        if pipeline.outputs.count == 1 {
            let ready = try pipeline.transformed(dataset, spillPath: spillPath, limits: limits)
            features = .ready(ready)
        } else {
            features = .raw(dataset, pipeline, ExecutionContext())
        }
        self.augmentation = augmentation
        augmentedShape = pipeline.outputs[0].dimensions
        if let augmentation {
            guard modelInputs.count == 1, modelInputs[0].elementType == .float32 else {
                throw DataError(
                    .unsupported, at: "augmentation",
                    "expected a model of one float32 input, found \(modelInputs.count) inputs")
            }
            try augmentation.check(augmentedShape)
        }
        row = FloatBuffer(
            max(pipeline.outputs.map { $0.dimensions.reduce(1, *) }.max() ?? 1, dataset.schema.labelCount))
    }

    /// Of a row; -1 where the graph does not say.
    private static func extents(_ info: ValueInfo) -> [Int] {
        info.dimensions.dropFirst().map { if case .fixed(let extent) = $0 { extent } else { -1 } }
    }

    private static func label(_ schema: DatasetSchema, _ loss: LossGraph) throws(DataError) -> Label {
        let info = loss.labels
        let extents = extents(info)
        let count = extents.reduce(1, *)
        if schema.isClassification {
            let classes = schema.classNames?.count ?? 0
            // The loss takes a class's number as it is: only the predictions say how many classes there are.
            let predictions = loss.graph.outputs.first { $0.name == loss.predictions } ?? info
            let outputs = Self.extents(predictions).reduce(1, *)
            if info.elementType == .int64, extents.isEmpty, outputs == classes { return .classIndex }
            if info.elementType == .float32 {
                if count == 1, classes == 2 { return .classIndex }
                if count == classes { return .oneHot(classes) }
            }
            let alternative = info.elementType == .float32 && classes == 2 ? ", or 1" : ""
            throw DataError(
                .mismatch, at: "loss",
                "found \(outputs) outputs of the model, expected \(classes)\(alternative): one for each class of "
                    + DataError.quoted(schema.label?.names.first ?? "label"))
        }
        guard info.elementType == .float32, count == schema.labelCount else {
            throw DataError(
                .mismatch, at: "loss",
                "the loss takes \(info.elementType == .float32 ? "\(count) numbers" : "a class") a row, the label has "
                    + "\(schema.labelCount) numbers")
        }
        return .numbers
    }

    /// The batch of these rows, valid until the next.
    /// - Parameter epoch: of training, which augments; nil to judge.
    /// - Throws: ``DataError`` when a value is refused.
    func batch(_ rows: ArraySlice<Int>, epoch: Int?) throws(DataError) -> [UnsafeRawBufferPointer] {
        var result: [UnsafeRawBufferPointer] = []
        switch features {
        case .ready(let dataset): result.append(ready(dataset, rows, epoch))
        case .raw(let dataset, let pipeline, let context):
            let tensors = try pipeline.transform(dataset, rows: rows, on: context)
            for (index, tensor) in tensors.enumerated() {
                result.append(
                    tensor.withBytes { bytes in
                        let target = buffer(index, floats: (bytes.count + 3) / 4)
                        let copy = UnsafeMutableRawBufferPointer(start: target.pointer, count: bytes.count)
                        if !bytes.isEmpty { copy.copyMemory(from: bytes) }
                        return UnsafeRawBufferPointer(copy)
                    })
            }
        }
        result.append(labelBatch(rows))
        if hasWeights {
            let target = buffer(modelInputs.count + 1, floats: rows.count)
            for (place, row) in rows.enumerated() { target.pointer[place] = labels.weight(row) }
            result.append(target.bytes(0..<rows.count))
        }
        return result
    }

    private func ready(_ dataset: any Dataset, _ rows: ArraySlice<Int>, _ epoch: Int?) -> UnsafeRawBufferPointer {
        let width = augmentedShape.reduce(1, *)
        guard modelInputs[0].elementType == .float32 else {
            // Identifiers: whole numbers that float32 holds exactly.
            let isWide = modelInputs[0].elementType == .int64
            let target = buffer(0, floats: rows.count * width * (isWide ? 2 : 1))
            let raw = UnsafeMutableRawPointer(target.pointer)
            let one = UnsafeMutableBufferPointer(start: row.pointer, count: width)
            for (place, index) in rows.enumerated() {
                dataset.copyFeatures(index, into: one)
                for (column, number) in one.enumerated() {
                    let at = place * width + column
                    // What no identifier is becomes one that no table has.
                    let identifier = Int64(exactly: number) ?? -1
                    if isWide {
                        raw.storeBytes(of: identifier, toByteOffset: at * 8, as: Int64.self)
                    } else {
                        raw.storeBytes(of: Int32(clamping: identifier), toByteOffset: at * 4, as: Int32.self)
                    }
                }
            }
            return UnsafeRawBufferPointer(start: raw, count: rows.count * width * (isWide ? 8 : 4))
        }
        let target = buffer(0, floats: rows.count * width)
        for (place, index) in rows.enumerated() {
            let part = UnsafeMutableBufferPointer(start: target.pointer + place * width, count: width)
            dataset.copyFeatures(index, into: part)
            if let augmentation, let epoch {
                augmentation.apply(to: part, shape: augmentedShape, seed: seed, epoch: epoch, row: index)
            }
        }
        return target.bytes(0..<rows.count * width)
    }

    private func labelBatch(_ rows: ArraySlice<Int>) -> UnsafeRawBufferPointer {
        switch label {
        case .classIndex where labelInfo.elementType == .int64:
            let target = buffer(modelInputs.count, floats: rows.count * 2)
            let raw = UnsafeMutableRawPointer(target.pointer)
            for (place, row) in rows.enumerated() {
                raw.storeBytes(of: Int64(labels.classIndex(row)), toByteOffset: place * 8, as: Int64.self)
            }
            return UnsafeRawBufferPointer(start: raw, count: rows.count * 8)
        case .classIndex:
            let target = buffer(modelInputs.count, floats: rows.count)
            for (place, row) in rows.enumerated() { target.pointer[place] = Float(labels.classIndex(row)) }
            return target.bytes(0..<rows.count)
        case .oneHot(let classes):
            let target = buffer(modelInputs.count, floats: rows.count * classes)
            target.pointer.update(repeating: 0, count: rows.count * classes)
            for (place, row) in rows.enumerated() { target.pointer[place * classes + labels.classIndex(row)] = 1 }
            return target.bytes(0..<rows.count * classes)
        case .numbers:
            let count = labels.schema.labelCount
            let target = buffer(modelInputs.count, floats: rows.count * count)
            for (place, row) in rows.enumerated() {
                labels.copyLabel(
                    row, into: UnsafeMutableBufferPointer(start: target.pointer + place * count, count: count))
            }
            return target.bytes(0..<rows.count * count)
        }
    }

    private func buffer(_ index: Int, floats: Int) -> FloatBuffer {
        while buffers.count <= index { buffers.append(FloatBuffer(0)) }
        if buffers[index].count < floats { buffers[index] = FloatBuffer(floats) }
        return buffers[index]
    }
}
