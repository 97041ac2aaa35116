import JSONDocuments
import Testing

@testable import Training

@Suite struct CSVTests {
    /// All records of a text, read in chunks of every size that tears something apart.
    private func records(_ text: String, delimiter: Character = ",") throws -> [[String]] {
        let file = try TextFile(text)
        var all: [[[String]]] = []
        for chunkSize in [1, 2, 3, 7, 1 << 16] {
            let reader = try CSVReader(
                file.path, delimiter: delimiter.asciiValue ?? 44, maximumRecordBytes: 1000, chunkSize: chunkSize)
            var records: [[String]] = []
            while try reader.next() { records.append((0..<reader.fieldCount).map { reader.text($0) }) }
            all.append(records)
        }
        #expect(all.allSatisfy { $0 == all[0] })
        return all[0]
    }

    @Test func recordsFollowTheStandard() throws {
        #expect(try records("a,b\r\n1,2\r\n") == [["a", "b"], ["1", "2"]])
        #expect(try records("a,b\n1,2") == [["a", "b"], ["1", "2"]])
        #expect(
            try records("\"a,\"\"b\"\"\",\"two\nlines\r\nor three\"\n,") == [
                ["a,\"b\"", "two\nlines\r\nor three"], ["", ""],
            ])
        #expect(try records("\u{FEFF}a\n\n\n\"\"\nx\n") == [["a"], [""], ["x"]])
        #expect(try records("a;b,c;\n", delimiter: ";") == [["a", "b,c", ""]])
        #expect(try records("") == [])
        #expect(try records("ü, ß ") == [["ü", " ß "]])
    }

    @Test func anyTextReadsAlikeHoweverItIsCut() throws {
        var random = RandomSource(seed: 8, stream: "texts")
        var outcomes: Set<Bool> = []
        for _ in 0..<300 {
            let text = (0..<random.integer(below: 24)).map { _ in
                ["a", "b", ",", "\"", "\"\"", "\n", "\r\n", "\r"][random.integer(below: 8)]
            }.joined()
            let file = try TextFile(text)
            var results: Set<String> = []
            for chunkSize in [1, 2, 5, 1 << 16] {
                let reader = try CSVReader(file.path, delimiter: 44, maximumRecordBytes: 1000, chunkSize: chunkSize)
                var records: [[String]] = []
                var failure = ""
                do {
                    while try reader.next() { records.append((0..<reader.fieldCount).map { reader.text($0) }) }
                } catch { failure = "\(error)" }
                results.insert("\(records) \(failure)")
                outcomes.insert(failure.isEmpty)
            }
            #expect(results.count == 1, "\(text.debugDescription): \(results)")
        }
        #expect(outcomes.count == 2)
    }

    @Test(arguments: [
        ("a\nb\n\"c\n\n", "line 3: a quoted field has no end"),
        ("a\n\"b\"c\n", "line 2: found \"c\" after a closing quote, expected the delimiter or the line's end"),
        ("a\n\"1\n2\"\nb\"c\n", "line 4: found a quote inside of an unquoted field"),
        ("a\rb", "line 1: found a carriage return without a line feed"),
    ])
    func brokenFilesAreRefusedWithTheLine(text: String, expected: String) throws {
        let file = try TextFile(text)
        #expect(message { _ = try records(text) }.hasSuffix(expected))
        // Skipping does not help a file that cannot be read on.
        let schema = try schema("{\"features\": [{\"name\": \"a\", \"kind\": \"text\"}]}")
        let found = message {
            _ = try DatasetLoading.csv(file.path, schema: schema, policy: .skip(maximum: 1000))
        }
        #expect(found == "\(file.path): \(expected)")
    }

    @Test func numbersAreRoundedOnce() {
        func parse(_ text: String) -> Float? { Array(text.utf8).withUnsafeBufferPointer { NumberText.parse($0) } }
        var random = RandomSource(seed: 1, stream: "numbers")
        for _ in 0..<5000 {
            let digits = (0..<random.integer(below: 9) + 1).map { _ in String(random.integer(below: 10)) }
            let place = random.integer(below: digits.count + 1)
            let sign = ["", "-", "+"][random.integer(below: 3)]
            let text =
                sign + digits[..<place].joined() + (random.integer(below: 2) == 0 ? "." : "")
                + digits[place...].joined()
            #expect(parse(text)?.bitPattern == Float(text)?.bitPattern, "\(text)")
        }
        #expect(parse("-0")?.sign == .minus)
        #expect(parse("1e39") == .infinity)
        #expect(parse("16777217") == 16_777_216 && parse(".5") == 0.5 && parse("5.") == 5)
        for text in ["", "-", ".", "-.", "1.2.3", "nan", "inf", "0x10", "1 2", "1,5", "--1"] {
            #expect(parse(text) == nil, "\(text)")
        }
    }

    @Test func recordsAreLimited() throws {
        let long = String(repeating: "x", count: 2000)
        #expect(
            message { _ = try records("a\n\(long)") }.hasSuffix(
                "line 2: the record has more than the 1000 bytes that are allowed"))
        #expect(
            message { _ = try records("a\n\"\(long)") }.hasSuffix(
                "line 2: the record has more than the 1000 bytes that are allowed"))
    }

    private let iris = """
        {"features": [{"name": "length"}, {"name": "width"}], "label": {"name": "species"}, "weight": "w"}
        """

    @Test func rowsBecomeExamples() throws {
        let file = try TextFile(
            "species,width,length,w,unused\nvirginica,1.5,NA,2,x\nsetosa, -2e-1 ,\"3\",1,y\nsetosa,,0.1,0.5,\n")
        let (data, poison) = try DatasetLoading.csv(file.path, schema: try schema(iris))
        #expect(poison.count == 0)
        #expect(data.rowCount == 3)
        #expect(data.schema.classNames == ["setosa", "virginica"])
        #expect((0..<3).map { data.classIndex($0) } == [1, 0, 0])
        #expect(data.features(0)[0].isNaN)
        #expect(data.features(0)[1] == 1.5)
        #expect(data.features(1) == [3, -0.2])
        #expect(data.features(2)[1].isNaN)
        #expect((0..<3).map { data.weight($0) } == [2, 1, 0.5])
        #expect(data.provenance(2) == .row(2))
    }

    @Test func columnsWithoutNamesAreNumbered() throws {
        let file = try TextFile("1;2;3;0\n4;5;6;1\n")
        var options = CSVOptions()
        options.hasHeader = false
        options.delimiter = UInt8(ascii: ";")
        let open = try schema(
            "{\"features\": {\"shape\": [3]}, \"label\": {\"name\": \"3\", \"kind\": \"class_index\", \"count\": 2}}")
        let (data, _) = try DatasetLoading.csv(file.path, schema: open, options: options)
        #expect(data.features(0) == [1, 2, 3])
        #expect(data.features(1) == [4, 5, 6])
        #expect(data.classIndex(1) == 1)
        let chosen = try schema(
            """
            {"features": [{"name": "pair", "kind": "tensor", "shape": [2], "columns": [2, 0]},
                          {"name": "floor", "kind": "category", "values": "integers", "column": 1}]}
            """)
        #expect(try DatasetLoading.csv(file.path, schema: chosen, options: options).dataset.features(1) == [6, 4, 5])
    }

    @Test(arguments: [
        ("x,width,species,w\n", "line 1: found no column \"length\" among 4"),
        ("lenght,width,species,w\n", "line 1: found no column \"length\" among 4; did you mean \"lenght\"?"),
        ("length,width,width,w\n", "line 1: the column \"width\" occurs twice"),
        ("length,width,species,w\n1,2,a\n", "line 2: found 3 fields, expected 4"),
        ("length,width,species,w\n\n1,x,a,1\n", "line 3: column \"width\": found \"x\", expected a number"),
        (
            "length,width,species,w\n1,1e99,a,1\n",
            "line 2: column \"width\": found \"1e99\", expected a number that binary32 holds"
        ),
        ("length,width,species,w\n1,nan,a,-1\n", "line 2: row 0: w: found -1.0, expected a number of at least 0"),
        ("length,width,species,w\n1,2,a,1\n1,2,,1\n", "line 3: row 1: species: found no label, expected one"),
        ("length,width,species,w\n1,2,a,1\n", "species: found 1 classes, expected at least 2"),
        ("length,width,species,w\n", "found no rows, 0 bad ones were skipped"),
        ("", "found no records"),
    ])
    func mistakesAreNamed(text: String, expected: String) throws {
        let file = try TextFile(text)
        let schema = try schema(iris)
        let found = message { _ = try DatasetLoading.csv(file.path, schema: schema) }
        #expect(found == "\(file.path): \(expected)" || found == expected)
    }

    @Test func badRowsAreSkippedAndCounted() throws {
        let file = try TextFile("length,width,species,w\n1,x,a,1\n1,2,a,1\n1\n1,2,b,1\n1,2,,1\n")
        let schema = try schema(iris)
        let (data, poison) = try DatasetLoading.csv(file.path, schema: schema, policy: .skip(maximum: 3))
        #expect(data.rowCount == 2)
        #expect(poison.count == 3)
        #expect(poison.reasons.map(\.reason) == [.mismatch, .malformed, .missing])
        #expect(data.provenance(1) == .row(3))
        let found = message { _ = try DatasetLoading.csv(file.path, schema: schema, policy: .skip(maximum: 2)) }
        #expect(found.contains("line 6: row 4: species: found 3 bad records, at most 2 are skipped"))
        #expect(message { _ = try CSVOptions(JSONCursor(["delimiter": "\""], path: "csv")) }.hasPrefix("csv.delimiter"))
        #expect(try PoisonPolicy(JSONCursor(["skip": 7])) == .skip(maximum: 7))
        #expect(
            message { _ = try PoisonPolicy(JSONCursor("refuze", path: "p")) }
                == "p: found \"refuze\", expected \"refuse\"; did you mean \"refuse\"?")
    }
}
