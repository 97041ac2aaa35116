import TestSupport
import Testing

@testable import Training

/// Rows of a topic that were saved to a file are the same rows.
@Suite struct ArchivedPositionsTests {
    private static let ranges: [Int32: Range<Int64>] = [3: 10..<16, 0: 100..<105, 1: 7..<7]

    private static let spec = #"""
        {"features": [{"name": "x", "kind": "number"}],
         "label": {"name": "kind", "kind": "class_index", "count": 2}}
        """#

    private static func number(_ partition: Int32, _ offset: Int64) -> Float { Float(partition) * 1000 + Float(offset) }

    private static func lines(_ ranges: [Int32: Range<Int64>]) -> String {
        ranges.sorted { $0.key < $1.key }.flatMap { partition, offsets in
            offsets.map { #"{"x": \#(number(partition, $0)), "kind": \#($0 % 2)}"# + "\n" }
        }.joined()
    }

    @Test func digestAndFoldsAreTheTopics() throws {
        let schema = try schema(Self.spec)
        let topic = try InMemoryDataset(
            schema,
            examples: Self.ranges.sorted { $0.key < $1.key }.flatMap { partition, offsets in
                offsets.map { offset in
                    Example(
                        numbers: [Self.number(partition, offset)], label: .index(Int(offset % 2)),
                        provenance: .record(partition: partition, offset: offset))
                }
            })
        let file = try TextFile(Self.lines(Self.ranges), name: "rows.jsonl")
        let saved = try DatasetLoading.jsonLines(
            file.path, schema: schema, positions: ArchivedPositions(Self.ranges)
        ).dataset
        #expect(saved.digest == topic.digest)
        let spec = SplitSpec(.kFold(3), assignment: .hash)
        let plans = try [saved, topic].map { try SplitPlan(spec, $0, seed: 5) }
        #expect(plans[0].split(1).training == plans[1].split(1).training)
        // Without its positions it is another set of rows.
        #expect(try DatasetLoading.jsonLines(file.path, schema: schema).dataset.digest != topic.digest)
    }

    @Test func everyOffsetNeedsItsRow() throws {
        for ranges in [[0: 100..<104, 3: 10..<16], [0: 100..<106, 3: 10..<16]] as [[Int32: Range<Int64>]] {
            let file = try TextFile(Self.lines(ranges), name: "rows.jsonl")
            let text = message {
                _ = try DatasetLoading.jsonLines(
                    file.path, schema: try schema(Self.spec), positions: ArchivedPositions(Self.ranges))
            }
            let count = ranges.values.reduce(0) { $0 + $1.count }
            #expect(text == "found \(count) rows, expected 11: one for each offset")
        }
    }
}
