import JSONDocuments
import Testing

@testable import Training

@Suite struct DatasetSchemaTests {
    @Test func everyKindIsReadAndWritten() throws {
        let read = try schema(
            """
            {"features": [
                {"name": "age"}, {"name": "city", "kind": "category", "column": "town"},
                {"name": "floor", "kind": "category", "values": "integers", "column": 3},
                {"name": "photo", "kind": "tensor", "shape": [2, 3]}, {"name": "note", "kind": "text"}],
             "label": {"name": "churned", "classes": ["no", "yes"]}, "weight": "w", "missing": ["?"]}
            """)
        #expect(read.features.map(\.kind) == [.number, .category, .integerCategory, .tensor([2, 3]), .text])
        #expect(read.features[1].columns == ["town"])
        #expect(read.features[2].columns == ["3"])
        #expect(read.numberCount == 8)
        #expect(read.textCount == 2)
        #expect(read.numberRange(of: 3) == 2..<8)
        #expect(read.textIndex(of: 4) == 1)
        #expect(read.numberRange(of: 1) == nil)
        #expect(read.classNames == ["no", "yes"])
        #expect(read.missingTexts == ["?"])
        #expect(try DatasetSchema(JSONCursor(read.json)) == read)
        for label in [
            "{\"kind\": \"class\"}", "{\"kind\": \"class_index\", \"count\": 10}", "{\"kind\": \"number\"}",
            "{\"kind\": \"number\", \"names\": [\"a\", \"b\"]}",
        ] {
            let read = try schema("{\"features\": {\"shape\": [784]}, \"label\": \(label)}")
            #expect(try DatasetSchema(JSONCursor(read.json)) == read)
            #expect(read.features == [.init(name: "features", kind: .tensor([784]))])
        }
    }

    @Test(arguments: [
        ("{\"feature\": []}", "dataset: unknown member \"feature\"; did you mean \"features\"?"),
        ("{\"features\": []}", "dataset.features: found no features, expected at least one"),
        (
            "{\"features\": [{\"name\": \"a\", \"kind\": \"categorie\"}]}",
            "dataset.features[0].kind: found \"categorie\", expected \"category\", \"number\", \"tensor\", \"text\"; did you mean \"category\"?"
        ),
        (
            "{\"features\": [{\"name\": \"a\", \"kind\": \"tensor\", \"shape\": [2, 0]}]}",
            "dataset.features[0].shape[1]: found 0, expected at least 1"
        ),
        (
            "{\"features\": [{\"name\": \"a\", \"kind\": \"tensor\", \"shape\": [4611686018427387904, 4]}]}",
            "dataset.features[0].shape: found more than 1048576 elements"
        ),
        ("{\"features\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}", "dataset.features: the feature \"a\" occurs twice"),
        (
            "{\"features\": [{\"name\": \"a\", \"shape\": [1]}]}",
            "dataset.features[0]: unknown member \"shape\""
        ),
        (
            "{\"features\": [{\"name\": \"label\"}], \"label\": {}}",
            "dataset: \"label\" is named twice, expected one part for each field"
        ),
        (
            "{\"features\": [{\"name\": \"a\"}], \"label\": {\"classes\": [\"x\", \"x\"]}}",
            "dataset.label.classes[1]: the class \"x\" occurs twice"
        ),
        (
            "{\"features\": [{\"name\": \"a\"}], \"label\": {\"kind\": \"class_index\", \"count\": 1}}",
            "dataset.label.count: found 1, expected 2 to 65536"
        ),
    ])
    func mistakesAreNamed(json: String, expected: String) {
        #expect(message { _ = try schema(json) } == expected)
    }
}
