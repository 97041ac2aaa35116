import Foundation
import ModelFormats
import TensorEngine
import TestSupport

/// The node cases of the ONNX specification, as `Tests/ONNX/node_cases.py` writes them.
struct NodeCases {
    struct Case {
        let name: String
        let relativeTolerance: Double
        let absoluteTolerance: Double
        /// False for cases outside of what the engine is measured by.
        let isCounted: Bool
        let folder: String
    }

    /// Where the cases lie; nil when they have not been written.
    static let folder: String? = {
        let path =
            ProcessInfo.processInfo.environment["MILLRACE_TEST_ONNX_CASES"] ?? "\(Fixtures.root)/.build-onnx/cases"
        return FileManager.default.fileExists(atPath: "\(path)/cases.txt") ? path : nil
    }()

    static let unsupportedPath = "\(Fixtures.root)/Tests/ONNX/unsupported.txt"

    /// - Parameter filter: part of a name; nil for all.
    static func all(in folder: String, filter: String?) throws -> [Case] {
        let lines = try String(contentsOfFile: "\(folder)/cases.txt", encoding: .utf8).split(separator: "\n")
        return lines.compactMap { line in
            let fields = line.split(separator: "\t").map(String.init)
            guard fields.count == 4, fields[3] != "not-tensor", let relative = Double(fields[1]),
                let absolute = Double(fields[2]), filter.map(fields[0].contains) ?? true
            else { return nil }
            return Case(
                name: fields[0], relativeTolerance: relative, absoluteTolerance: absolute,
                isCounted: fields[3] == "counted", folder: "\(folder)/\(fields[0])")
        }
    }

    /// Names of the cases that are known to fail, each with the reason.
    static func unsupported() throws -> [String: String] {
        let lines = try String(contentsOfFile: unsupportedPath, encoding: .utf8).split(separator: "\n")
        return Dictionary(
            uniqueKeysWithValues: lines.filter { !$0.hasPrefix("#") }.map { line in
                let fields = line.split(separator: "\t", maxSplits: 1).map(String.init)
                return (fields[0], fields.count > 1 ? fields[1] : "")
            })
    }

    /// Why a case fails; nil when it passes.
    static func failure(_ test: Case) -> String? {
        do {
            let graph = try ModelFile.open("\(test.folder)/model.onnx").graph
            let compiled = try CompiledGraph(graph)
            var set = 0
            while FileManager.default.fileExists(atPath: "\(test.folder)/test_data_set_\(set)") {
                let data = "\(test.folder)/test_data_set_\(set)"
                let inputs = try graph.inputs.indices.map { try ONNXImporter.tensor(at: "\(data)/input_\($0).pb") }
                let outputs = try compiled.run(inputs, on: ExecutionContext())
                for (index, output) in outputs.enumerated() {
                    let expected = try ONNXImporter.tensor(at: "\(data)/output_\(index).pb")
                    if let difference = difference(output, expected, test) {
                        return "output \(index): \(difference)"
                    }
                }
                set += 1
            }
            return set == 0 ? "has no data" : nil
        } catch {
            // The file's own path says nothing.
            return "\(error)".replacingOccurrences(of: "\(test.folder)/", with: "")
        }
    }

    /// NumPy's `assert_allclose`, types and shapes included: NaN equals NaN.
    private static func difference(_ found: Tensor, _ expected: Tensor, _ test: Case) -> String? {
        guard found.elementType == expected.elementType, found.shape == expected.shape else {
            return "found \(found.elementType.rawValue) \(found.shape), "
                + "expected \(expected.elementType.rawValue) \(expected.shape)"
        }
        if found.elementType == .string {
            let pairs = zip(found.strings, expected.strings)
            return pairs.allSatisfy { $0.utf8.elementsEqual($1.utf8) }
                ? nil : "found \(found.strings), expected \(expected.strings)"
        }
        if found.withBytes({ a in expected.withBytes { b in a.elementsEqual(b) } }) { return nil }
        guard let a = try? found.converted(to: .float64)?.elements(as: Double.self),
            let b = try? expected.converted(to: .float64)?.elements(as: Double.self)
        else { return "elements differ" }
        for (index, (x, y)) in zip(a, b).enumerated() where x != y && !(x.isNaN && y.isNaN) {
            guard abs(x - y) <= test.absoluteTolerance + test.relativeTolerance * abs(y) else {
                return "element \(index): found \(x), expected \(y)"
            }
        }
        return nil
    }
}
