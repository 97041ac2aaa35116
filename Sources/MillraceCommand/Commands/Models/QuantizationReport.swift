import ArgumentParser
import JSONDocuments
import ModelFormats
import Serving
import TensorEngine

/// To what `models import --quantize` reduces weights.
enum WeightQuantization: String, CaseIterable, ExpressibleByArgument { case int8 }

/// What quantising a model's weights saved and how it changed the answers.
struct QuantizationReport {
    /// How the outputs of both models differ on the same rows.
    struct Change {
        var rowCount = 0
        var maximumDifference = 0.0
        var meanDifference = 0.0
        /// Share of rows with the same largest output; nil when no output has classes.
        var agreement: Double?
        /// Share of rows whose largest output is at the label, before and after; nil without labels.
        var accuracy: (before: Double, after: Double)?
    }

    let layers: [DynamicQuantization.Layer]
    /// Bytes of all constants.
    let byteCounts: (before: Int, after: Int)
    /// What the rows were.
    let rows: String
    /// The change, or why it could not be measured.
    let change: Result<Change, CommandFailure>

    private static let batch = 64

    /// - Throws: ``CommandFailure`` when nothing can be quantised or the calibration rows do not fit the model.
    static func quantize(_ original: Graph, calibration: String?) throws -> (Graph, QuantizationReport) {
        let quantization = try DynamicQuantization(original)
        guard quantization.layers.contains(where: { $0.reason == nil }) else {
            let found = quantization.layers.map { "\($0.node): \($0.reason ?? "")" }.joined(separator: "; ")
            throw CommandFailure(
                .usage,
                "--quantize: the model has no matrix product to quantise" + (found.isEmpty ? "" : " (\(found))"))
        }
        let compiled = (before: try CompiledGraph(original), after: try CompiledGraph(quantization.graph))
        let change: Result<Change, CommandFailure>
        if let calibration {
            var arrays = try NumPyArchive.read(calibration)
            let labels = arrays.first { $0.name == "labels" }?.tensor
            if !original.inputs.contains(where: { $0.name == "labels" }) { arrays.removeAll { $0.name == "labels" } }
            let inputs = try ArrayInputs.match(arrays, to: compiled.before.inputs, option: "--calibration")
            change = .success(try measure(compiled.before, compiled.after, inputs, labels: labels))
        } else {
            do {
                let isOpen = original.inputs.contains { $0.dimensions.contains { !$0.isFixed && $0 != .batch } }
                let inputs = try RandomRows.make(for: original, rows: isOpen ? 16 : 256, openExtent: 16)
                change = .success(try measure(compiled.before, compiled.after, inputs, labels: nil))
            } catch {
                change = .failure(CommandFailure(.usage, "\(error)"))
            }
        }
        let report = QuantizationReport(
            layers: quantization.layers,
            byteCounts: (original.constantByteCount, quantization.graph.constantByteCount),
            rows: calibration ?? "seeded random rows", change: change)
        return (quantization.graph, report)
    }

    private static func measure(
        _ before: CompiledGraph, _ after: CompiledGraph, _ inputs: [NamedTensor], labels: Tensor?
    ) throws -> Change {
        let match: SignatureMatch
        do throws(RequestError) {
            match = try SignatureMatch(
                InferenceRequest(inputs: inputs), inputs: before.inputs, outputs: before.outputs)
        } catch {
            throw CommandFailure(.usage, "--calibration: \(error.message)")
        }
        let expected = try BatchedRun.run(before, match, batch: batch)
        let found = try BatchedRun.run(after, match, batch: batch)
        var change = Change(rowCount: match.rowCount)
        var (sum, count) = (0.0, 0)
        for (left, right) in zip(expected, found) {
            guard let left = try left.converted(to: .float64)?.elements(as: Double.self),
                let right = try right.converted(to: .float64)?.elements(as: Double.self)
            else { continue }
            for (left, right) in zip(left, right) {
                let difference = abs(left - right)
                change.maximumDifference = max(change.maximumDifference, difference)
                sum += difference
            }
            count += left.count
        }
        change.meanDifference = count == 0 ? 0 : sum / Double(count)
        let index = expected.firstIndex { $0.shape.rank == 2 && $0.shape[1] >= 2 && $0.elementType == .float32 }
        guard let index, let classes = try classes(expected[index]), let newClasses = try Self.classes(found[index])
        else {
            guard labels == nil else {
                throw CommandFailure(.usage, "--calibration: \"labels\" needs a model with an output of classes")
            }
            return change
        }
        change.agreement = share(zip(classes, newClasses).count { $0 == $1 }, of: classes.count)
        if let labels {
            guard labels.shape.dimensions == [classes.count],
                let right = try labels.converted(to: .int64)?.elements(as: Int64.self)
            else {
                throw CommandFailure(
                    .usage,
                    "--calibration: \"labels\" is \(labels.elementType.rawValue) \(labels.shape), "
                        + "expected integers [\(classes.count)]")
            }
            change.accuracy = (
                share(zip(classes, right).count { Int64($0) == $1 }, of: right.count),
                share(zip(newClasses, right).count { Int64($0) == $1 }, of: right.count)
            )
        }
        return change
    }

    private static func share(_ count: Int, of total: Int) -> Double {
        total == 0 ? 0 : Double(count) / Double(total)
    }

    /// Where each row is largest.
    private static func classes(_ scores: Tensor) throws -> [Int]? {
        let width = scores.shape[1]
        let elements = try scores.elements(as: Float.self)
        return (0..<scores.shape[0]).map { row in
            (0..<width).max { elements[row * width + $0] < elements[row * width + $1] } ?? 0
        }
    }
}

extension QuantizationReport {
    private var quantized: [DynamicQuantization.Layer] { layers.filter { $0.reason == nil } }
    private var kept: [DynamicQuantization.Layer] { layers.filter { $0.reason != nil } }

    /// What the manifest keeps.
    var metadata: [String: String] {
        var result = ["quantization": WeightQuantization.int8.rawValue]
        if case .success(let change) = change, let agreement = change.agreement {
            result["quantization-agreement"] = NumberText.fixed(agreement, digits: 4)
            result["quantization-rows"] = rows.split(separator: "/").last.map(String.init) ?? rows
        }
        return result
    }

    var document: JSONValue {
        var members: [String: JSONValue] = [
            "weights": .string(WeightQuantization.int8.rawValue),
            "layers": .integer(Int64(quantized.count)),
            "kept": .array(kept.map { .object(["node": .string($0.node), "reason": .string($0.reason ?? "")]) }),
            "bytes_before": .integer(Int64(byteCounts.before)), "bytes_after": .integer(Int64(byteCounts.after)),
            "rows_from": .string(rows),
        ]
        switch change {
        case .success(let change):
            members["rows"] = .integer(Int64(change.rowCount))
            members["maximum_difference"] = .real(change.maximumDifference)
            members["mean_difference"] = .real(change.meanDifference)
            if let agreement = change.agreement { members["agreement"] = .real(agreement) }
            if let accuracy = change.accuracy {
                members["accuracy_before"] = .real(accuracy.before)
                members["accuracy_after"] = .real(accuracy.after)
            }
        case .failure(let failure): members["not_measured"] = .string(failure.message)
        }
        return .object(members)
    }

    var text: String {
        var lines = [
            "int8: \(quantized.count) of \(layers.count) matrix products, constants \(byteCounts.before) → "
                + "\(byteCounts.after) bytes"
        ]
        lines += kept.map { "  \($0.node) stays float32: \($0.reason ?? "")" }
        switch change {
        case .success(let change):
            var line = "on \(change.rowCount) rows (\(rows)): outputs differ by at most "
            line += "\(NumberText.scientific(change.maximumDifference)), "
            line += "on average \(NumberText.scientific(change.meanDifference))"
            if let agreement = change.agreement {
                line += "; same class for \(NumberText.fixed(agreement * 100, digits: 2)) %"
            }
            if let accuracy = change.accuracy {
                line += "; accuracy \(NumberText.fixed(accuracy.before * 100, digits: 2)) % → "
                line += "\(NumberText.fixed(accuracy.after * 100, digits: 2)) %"
            }
            lines.append(line)
        case .failure(let failure):
            lines.append("how answers change was not measured (\(failure.message)): give rows with --calibration")
        }
        return lines.joined(separator: "\n")
    }
}
