import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing

@testable import Training

@Suite struct RecordDecoderTests {
    private let mixed = """
        {"features": [{"name": "age"}, {"name": "city", "kind": "category"},
                      {"name": "grid", "kind": "tensor", "shape": [2, 2]}],
         "label": {"name": "y", "classes": ["0", "1"]}}
        """
    private let place = Provenance.record(partition: 3, offset: 1042)

    private func decode(_ schemaText: String, _ record: String) throws -> Example {
        try RecordDecoder(try schema(schemaText)).decode(Array(record.utf8), provenance: place)
    }

    @Test func recordsAreReadByNameAndInOrder() throws {
        let byName = try decode(mixed, "{\"grid\": [[1, 2], [3, 4]], \"age\": 7, \"city\": \"Bonn\", \"y\": 1}")
        #expect(byName.numbers == [7, 1, 2, 3, 4])
        #expect(byName.texts == ["Bonn"])
        #expect(byName.label == .name("1"))
        #expect(byName.provenance == place)
        #expect(try decode(mixed, "{\"features\": [7, \"Bonn\", [1, 2, 3, 4]], \"y\": \"1\"}") == byName)
        let missing = try decode(mixed, "{\"grid\": [1, null, 3, 4], \"age\": null, \"city\": null, \"y\": 0}")
        #expect(missing.numbers[0].isNaN && missing.numbers[2].isNaN)
        #expect(missing.texts == [""])
        let lenient = mixed.replacing("\"label\":", with: "\"absent\": \"missing\", \"label\":")
        let absent = try decode(lenient, "{\"grid\": [1, 2, 3, 4], \"y\": 0, \"id\": \"x\"}")
        #expect(absent.numbers[0].isNaN && absent.texts == [""])
    }

    @Test func oneTensorTakesTheWholeArray() throws {
        let schema = "{\"features\": {\"shape\": [2, 2]}, \"label\": {\"kind\": \"number\"}}"
        let flat = try decode(schema, "{\"features\": [1, 2, 3, 4], \"label\": 0.5}")
        #expect(flat.numbers == [1, 2, 3, 4])
        #expect(flat.label == .numbers([0.5]))
        #expect(try decode(schema, "{\"features\": [[1, 2], [3, 4]], \"label\": 0.5}") == flat)
        let two = """
            {"features": [{"name": "a"}, {"name": "b", "kind": "tensor", "shape": [2]}],
             "label": {"kind": "number", "names": ["u", "v"]}}
            """
        let spread = try decode(two, "{\"features\": [1, 2, 3], \"u\": 4, \"v\": 5}")
        #expect(spread.numbers == [1, 2, 3])
        #expect(spread.label == .numbers([4, 5]))
    }

    @Test(arguments: [
        ("{\"age\": 7", "line 1, column 9"),
        ("[]", "found array, expected object"),
        ("{\"age\": \"old\", \"grid\": [1, 2, 3, 4], \"y\": 1}", "age: found string, expected number"),
        ("{\"agee\": 1}", "missing member \"age\"; did you mean it by \"agee\"?"),
        ("{\"age\": 1, \"id\": 3}", "missing member \"city\""),
        ("{\"age\": 7, \"city\": \"x\", \"y\": 1}", "missing member \"grid\""),
        ("{\"age\": 7, \"city\": \"x\", \"grid\": [1, 2, 3], \"y\": 1}", "grid: found 3 numbers, expected 4"),
        ("{\"age\": 7, \"city\": \"x\", \"grid\": [[1, 2], [3]], \"y\": 1}", "grid[1]: found 1 numbers, expected 2"),
        ("{\"features\": [1, 2], \"y\": 1}", "features: found 2 values, expected 3"),
        ("{\"age\": 7, \"city\": \"x\", \"grid\": [1, 2, 3, 4]}", "missing member \"y\""),
        (
            "{\"age\": 1e300, \"city\": \"x\", \"grid\": [1, 2, 3, 4], \"y\": 1}",
            "age: found a number that binary32 does not hold"
        ),
    ])
    func mistakesAreNamed(record: String, expected: String) {
        let found = message { _ = try decode(mixed, record) }
        #expect(found.hasPrefix("partition 3, offset 1042: \(expected)"))
    }

    @Test func recordsAreLimited() throws {
        var limits = DataLimits()
        limits.maximumRecordBytes = 20
        let decoder = RecordDecoder(try schema(mixed), limits: limits)
        let found = message { _ = try decoder.decode([UInt8](repeating: 32, count: 21), provenance: .row(0)) }
        #expect(found == "row 0: found 21 bytes, at most 20 are allowed")
    }

    @Test func inlineRowsBecomeADataset() throws {
        let rows: JSONValue = [
            ["age": 1, "city": "Bonn", "grid": [1, 2, 3, 4], "y": 1], ["age": true, "city": "Rom", "y": 1],
            ["age": 2, "city": "Köln", "grid": [5, 6, 7, 8], "y": 0],
        ]
        let (data, poison) = try DatasetLoading.rows(
            JSONCursor(rows, path: "rows"), schema: try schema(mixed), policy: .skip(maximum: 1))
        #expect(data.rowCount == 2)
        #expect(data.text(1, 0) == "Köln")
        #expect(data.provenance(1) == .row(2))
        #expect(poison.reasons.map(\.description) == ["row 1: rows[1].age: found boolean, expected number"])
    }

    @Test func linesOfAFileBecomeADataset() throws {
        let long = String(repeating: " ", count: 300_000)
        let file = try TextFile(
            """
            {"features": [1, "Bonn", [1, 2, 3, 4]], "y": 1}\r

            {"features": [1, "Bonn"], "y": 1}\(long)
            {"features": [2, "Köln", [1, 2, 3, 4]], "y": 0}
            """, name: "data.jsonl")
        let schema = try schema(mixed)
        let (data, poison) = try DatasetLoading.jsonLines(file.path, schema: schema, policy: .skip(maximum: 9))
        #expect(data.rowCount == 2)
        #expect(data.features(1) == [2, 1, 2, 3, 4])
        #expect(data.provenance(1) == .row(2))
        #expect(
            poison.reasons.map(\.description) == [
                "\(file.path): line 3: row 1: features: found 2 values, expected 3"
            ])
        var limits = DataLimits()
        limits.maximumRecordBytes = 1000
        let found = message {
            _ = try DatasetLoading.jsonLines(file.path, schema: schema, policy: .skip(maximum: 9), limits: limits)
        }
        #expect(found == "\(file.path): line 3: the record has more than the 1000 bytes that are allowed")
        #expect(
            message { _ = try JSONLinesExamples("/nowhere", schema: schema) } == "/nowhere: No such file or directory")
    }

    @Test func archivesAreRead() throws {
        let file = try TextFile("", name: "data.npz")
        let x = try Tensor(shape: [3, 2, 2], elements: (0..<12).map { UInt8($0) })
        let y = try Tensor(shape: [3], elements: [2, 0, 1] as [Int64])
        let path = file.folder.path + "/digits.npz"
        try NumPyArchive.write([("x", x), ("y", y)], to: path)
        let schema = try schema(
            "{\"features\": {\"shape\": [2, 2]}, \"label\": {\"kind\": \"class_index\", \"count\": 3}}")
        let data = try DatasetLoading.npz(path, schema: schema).dataset
        #expect(data.features(1) == [4, 5, 6, 7])
        #expect((0..<3).map { data.classIndex($0) } == [2, 0, 1])
        let wrong = DatasetSchema.tensor([5], label: nil)
        #expect(
            message { _ = try DatasetLoading.npz(path, schema: wrong) }
                == "\(path): array \"x\": found 4 numbers a row, expected 5")
        let absent = DatasetSchema(
            features: [.init(name: "y", kind: .number), .init(name: "z", kind: .number)], label: nil)
        #expect(
            message { _ = try DatasetLoading.npz(path, schema: absent) }
                == "\(path): found no array \"z\"; there are \"x\", \"y\"")
    }
}
