import Foundation
import Logging
import Synchronization
import Testing

@testable import MillraceCommand

@Suite struct LogLineTests {
    /// What a logger with the format writes.
    private func lines(
        _ format: LogFormat, level: Logger.Level = .info, provider: Logger.MetadataProvider? = nil,
        _ log: (inout Logger) -> Void
    ) -> [String] {
        let written = Lines()
        var logger = Logger(label: "millrace.test") { label in
            LineLogHandler(
                label: label, level: level, format: format, metadataProvider: provider,
                clock: { Timestamp(millisecondsSinceEpoch: 1_740_830_400_007) }, sink: { written.append($0) })
        }
        log(&logger)
        return written.all
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func append(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private func object(_ line: String) throws -> [String: Any] {
        #expect(line.hasSuffix("}\n"))
        #expect(line.filter(\.isNewline).count == 1)
        return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test func `a JSON line has the fields and no more`() throws {
        let line = try #require(lines(.json) { $0.warning("paused") }.first)
        #expect(
            line
                == #"{"time":"2025-03-01T12:00:00.007Z","level":"warning","logger":"millrace.test","message":"paused"}"#
                + "\n")
    }

    @Test(arguments: [
        "plain", "quote \" backslash \\ slash /", "line\nbreak\r\nand\ttab", "\u{0}\u{1}\u{1F}\u{7F}", "ünï – 漢字 🌊",
        "\u{2028}\u{2029}\u{85}", "e\u{301}", #"{"not":"nested"}"#, "",
    ])
    func `any text survives JSON`(text: String) throws {
        let line = try #require(
            lines(.json) { $0.info("\(text)", metadata: ["value": "\(text)", "\(text)k": "x"]) }.first)
        let parsed = try object(line)
        #expect(parsed["message"] as? String == text)
        let metadata = try #require(parsed["metadata"] as? [String: String])
        #expect(metadata["value"].map { Array($0.unicodeScalars) } == Array(text.unicodeScalars))
        #expect(metadata["\(text)k"] == "x")
    }

    @Test func `metadata nests and keeps numbers`() throws {
        let line = try #require(
            lines(.json) {
                $0.info(
                    "batch",
                    metadata: [
                        "rows": .stringConvertible(128), "ratio": .stringConvertible(0.5),
                        "full": .stringConvertible(true),
                        "nan": .stringConvertible(Double.nan), "list": ["a", .dictionary(["b": "c"])],
                    ])
            }.first)
        let metadata = try #require(try object(line)["metadata"] as? [String: Any])
        #expect(metadata["rows"] as? Int == 128)
        #expect(metadata["ratio"] as? Double == 0.5)
        #expect(metadata["full"] as? Bool == true)
        #expect(metadata["nan"] as? String == "nan")
        let list = try #require(metadata["list"] as? [Any])
        #expect(list.first as? String == "a")
        #expect(list.last as? [String: String] == ["b": "c"])
    }

    @Test func `own metadata wins over the provider's over the logger's`() throws {
        let provider = Logger.MetadataProvider { ["a": "provider", "b": "provider"] }
        let line = try #require(
            lines(.json, provider: provider) {
                $0[metadataKey: "b"] = "logger"
                $0[metadataKey: "c"] = "logger"
                $0.info("x", metadata: ["a": "event"])
            }.first)
        let metadata = try object(line)["metadata"] as? [String: String]
        #expect(metadata == ["a": "event", "b": "provider", "c": "logger"])
    }

    @Test func `the level filters`() {
        let written = lines(.text, level: .warning) {
            $0.info("quiet")
            $0.error("loud")
        }
        #expect(written == ["2025-03-01T12:00:00.007Z ERROR    millrace.test: loud\n"])
    }

    @Test func `text lines cannot be forged`() throws {
        let line = try #require(
            lines(.text) {
                $0.info("got\nrequest", metadata: ["topic": "a b", "id": "x\r\n2025 ERROR \u{1B}[31m", "n": "1"])
            }.first)
        #expect(
            line == "2025-03-01T12:00:00.007Z INFO     millrace.test: got\\nrequest "
                + "id=\"x\\r\\n2025 ERROR \\u{1b}[31m\" n=1 topic=\"a b\"\n")
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_868_799_000, "2000-02-29T23:59:59.000Z"), (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
        (4_107_542_399_001, "2100-02-28T23:59:59.001Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ])
    func `timestamps`(milliseconds: Int64, text: String) {
        #expect(Timestamp(millisecondsSinceEpoch: milliseconds).description == text)
    }

    @Test func `timestamps agree with Foundation over four centuries`() {
        var milliseconds: Int64 = -5_000_000_000_000
        while milliseconds < 8_000_000_000_000 {
            let expected = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
                .formatted(.iso8601.year().month().day().time(includingFractionalSeconds: false))
            let found = Timestamp(millisecondsSinceEpoch: milliseconds).description
            #expect(found.prefix(19) == expected.prefix(19))
            milliseconds += 12_345_678_000
        }
    }
}
