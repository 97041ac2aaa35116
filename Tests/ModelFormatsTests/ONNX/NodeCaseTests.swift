import Foundation
import Testing

/// Runs every tensor-only node case of the ONNX specification. `Tests/ONNX/unsupported.txt` lists the cases that fail: one
/// that passes must leave the list, so that it only shrinks.
///
///     MILLRACE_TEST_ONNX_FILTER=softmax    cases whose name has this part, each failure printed
///     MILLRACE_TEST_ONNX_UPDATE=1          writes the list anew
@Suite struct NodeCaseTests {
    private static let environment = ProcessInfo.processInfo.environment

    @Test(.enabled(if: NodeCases.folder != nil, "no cases: `make test` writes them, or Tests/ONNX/node_cases.py"))
    func specificationCases() throws {
        let folder = try #require(NodeCases.folder)
        let filter = Self.environment["MILLRACE_TEST_ONNX_FILTER"]
        let known = try NodeCases.unsupported()
        var failures: [String: String] = [:]
        var (passed, counted) = (0, 0)
        let cases = try NodeCases.all(in: folder, filter: filter)
        for test in cases {
            if filter != nil { print(test.name) }
            let failure = NodeCases.failure(test)
            if let failure {
                failures[test.name] = failure.split(separator: "\n").first.map { String($0.prefix(160)) } ?? "fails"
                if filter != nil { print("    \(failure)") }
            }
            if test.isCounted {
                counted += 1
                if failure == nil { passed += 1 }
            }
        }
        print(
            "ONNX node cases: \(passed) of \(counted) counted pass; \(cases.count - failures.count) of \(cases.count) of all"
        )
        if Self.environment["MILLRACE_TEST_ONNX_UPDATE"] == "1", filter == nil {
            let lines = failures.sorted { $0.key < $1.key }.map { "\($0.key)\t\($0.value)\n" }
            let head =
                "# Node cases of the ONNX specification that do not pass, with the reason. The list only shrinks.\n"
            try (head + lines.joined()).write(toFile: NodeCases.unsupportedPath, atomically: true, encoding: .utf8)
            return
        }
        for test in cases {
            if let failure = failures[test.name] {
                #expect(known[test.name] != nil, "\(test.name) fails: \(failure)")
            } else {
                #expect(known[test.name] == nil, "\(test.name) passes: take it off the list of those that do not")
            }
        }
    }
}
