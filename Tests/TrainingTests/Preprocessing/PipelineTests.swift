import JSONDocuments
import TensorEngine
import Testing

@testable import Training

/// Against scikit-learn's answers: `Tests/Training/make_data_fixtures.py`.
@Suite struct PipelineTests {
    private let fixture: JSONCursor
    private let train: Int

    init() throws {
        fixture = try trainingFixture("preprocessing.json")
        train = try fixture.member("train").integer()
    }

    /// The numeric table, or that with holes, besides the words and integers.
    private func data(_ table: String) throws -> InMemoryDataset {
        let numbers = try fixture.member(table).floatRows()
        let floors = try fixture.member("floor").floats()
        let (cities, texts) = (try strings("city"), try strings("texts"))
        let features =
            (0..<5).map { DatasetSchema.Feature(name: "x\($0)", kind: .number) } + [
                .init(name: "city", kind: .category), .init(name: "floor", kind: .integerCategory),
                .init(name: "text", kind: .text),
            ]
        return try InMemoryDataset(
            DatasetSchema(features: features, label: nil),
            examples: numbers.indices.map { row in
                Example(
                    numbers: numbers[row] + [floors[row]], texts: [cities[row], texts[row]], label: .none,
                    provenance: .row(row))
            })
    }

    private func strings(_ name: String) throws -> [String] {
        try fixture.member(name).elements().map { try $0.string() }
    }

    /// What the steps make of all rows after being fitted on the first of them.
    private func transformed(
        _ steps: [PreprocessingStep], _ table: String = "table"
    ) throws -> (rows: [Float], output: FittedPipeline.Output) {
        let data = try data(table)
        let fitted = try Pipeline(steps).fit(data, rows: Array(0..<train))
        let context = ExecutionContext()
        let all = try fitted.transform(data, rows: 0..<data.rowCount, on: context)[0]
        let values =
            all.elementType == .int64
            ? try all.elements(as: Int64.self).map { Float($0) } : try all.elements(as: Float.self)
        // A row's numbers do not depend on the others.
        let width = values.count / data.rowCount
        for row in [0, 7, data.rowCount - 1] {
            let one = try fitted.transform(data, rows: [row], on: context)[0]
            let alone =
                one.elementType == .int64
                ? try one.elements(as: Int64.self).map { Float($0) } : try one.elements(as: Float.self)
            #expect(alone.map(\.bitPattern) == values[row * width..<(row + 1) * width].map(\.bitPattern))
        }
        return (values, fitted.outputs[0])
    }

    private func expectClose(_ found: [Float], _ expected: [Float], tolerance: Float = 1e-6, _ name: String) {
        #expect(found.count == expected.count, "\(name)")
        for (index, (a, b)) in zip(found, expected).enumerated() {
            guard a.isNaN != b.isNaN || abs(a - b) > tolerance * max(1, abs(b)) else { continue }
            Issue.record("\(name): number \(index) is \(a), expected \(b)")
            return
        }
    }

    private let columns = (0..<5).map { "x\($0)" }
    private var only: PreprocessingStep { .select(columns: columns) }

    @Test func scalersAreScikitLearns() throws {
        for (name, table, step) in [
            ("standardize", "table", PreprocessingStep.standardize(columns: columns, .element)),
            ("standardize_holes", "holes", .standardize(columns: nil, .element)),
            ("min_max", "table", .minMax(columns: nil, .element, lower: -1, upper: 2, clips: false)),
            ("min_max_clip", "table", .minMax(columns: nil, .element, lower: 0, upper: 1, clips: true)),
        ] {
            let (rows, output) = try transformed([step, only], table)
            expectClose(rows, try fixture.member(name).floatRows().flatMap { $0 }, name)
            #expect(output.columnNames == columns)
            #expect(output.dimensions == [5])
        }
    }

    @Test func stepsOnSomeColumnsLeaveTheOthersAlone() throws {
        let raw = try fixture.member("table").floatRows()
        let scaled = try fixture.member("standardize").floatRows()
        let (rows, _) = try transformed([.standardize(columns: ["x3", "x0"], .element), only])
        for row in raw.indices {
            #expect(rows[row * 5 + 1].bitPattern == raw[row][1].bitPattern)
            #expect(rows[row * 5 + 4].bitPattern == raw[row][4].bitPattern)
            #expect(abs(rows[row * 5 + 3] - scaled[row][3]) < 1e-6)
        }
        let (times, _) = try transformed([
            .rescale(columns: ["x0"], scale: 2, offset: 1), .select(columns: ["x0", "x2"]),
        ])
        #expect(times[2] == raw[1][0] * 2 + 1)
        #expect(times[3] == raw[1][2])
    }

    @Test func imputersAreScikitLearns() throws {
        for (name, imputation) in [
            ("mean", PreprocessingStep.Imputation.mean), ("median", .median), ("most_frequent", .mostFrequent),
        ] {
            let (rows, _) = try transformed([.impute(columns: columns, imputation), only], "holes")
            expectClose(rows, try fixture.member(name).floatRows().flatMap { $0 }, tolerance: 1e-7, name)
        }
        let (rows, _) = try transformed([.impute(columns: ["x1"], .number(-5)), only], "holes")
        let raw = try fixture.member("holes").floatRows().flatMap { $0 }
        for (index, value) in rows.enumerated() {
            #expect(value.bitPattern == (raw[index].isNaN && index % 5 == 1 ? -5 : raw[index]).bitPattern)
        }
    }

    @Test func encodersAreScikitLearns() throws {
        for column in ["city", "floor"] {
            let (rows, output) = try transformed([
                .oneHot(columns: [column], refusesUnknown: false), .select(columns: [column]),
            ])
            expectClose(rows, try fixture.member("\(column)_one_hot").floatRows().flatMap { $0 }, column)
            let names = try fixture.member("\(column)_names").elements().map { name in
                if case .integer(let number) = name.value {
                    "\(column)=\(number)"
                } else {
                    "\(column)=\(try name.string())"
                }
            }
            #expect(output.columnNames == names)
        }
        let found = message {
            _ = try transformed([.oneHot(columns: ["city"], refusesUnknown: true), .select(columns: ["city"])])
        }
        #expect(found.contains("value 'Rom' at position"))
        let filled = try transformed(
            [
                .impute(columns: ["city"], .mostFrequent), .oneHot(columns: ["city"], refusesUnknown: false),
                .select(columns: ["city"]),
            ])
        // Bonn for the row without a city.
        #expect(Array(filled.rows[(train + 2) * 3..<(train + 3) * 3]) == [0, 1, 0])
    }

    @Test func categoriesAreScaledOnlyWhenAskedFor() throws {
        let hot = PreprocessingStep.oneHot(columns: ["city"], refusesUnknown: false)
        let kept = PreprocessingStep.select(columns: ["x0", "city"])
        let (plain, _) = try transformed([hot, kept])
        let (scaled, _) = try transformed([hot, kept, .standardize(columns: nil, .element)])
        let (all, _) = try transformed([hot, kept, .standardize(columns: ["x0", "city"], .element)])
        for row in 0..<60 {
            #expect(scaled[row * 4] == all[row * 4] && scaled[row * 4] != plain[row * 4])
            #expect(scaled[row * 4 + 1..<row * 4 + 4] == plain[row * 4 + 1..<row * 4 + 4])
        }
        #expect(Set(all.enumerated().filter { $0.offset % 4 == 1 }.map(\.element)).isDisjoint(with: [0, 1]))
    }

    @Test func bagsOfWordsAreScikitLearns() throws {
        for (name, weighting, longest, normalizes, minimum) in [
            ("count", PreprocessingStep.Weighting.count, 1, false, 1), ("binary", .binary, 1, false, 3),
            ("tf_idf", .tfIDF, 1, true, 1), ("tf_idf_2", .tfIDF, 2, false, 1),
        ] {
            var text = PreprocessingStep.TextOptions()
            text.minimumRows = minimum
            var bag = PreprocessingStep.BagOptions()
            (bag.weighting, bag.longest, bag.normalizes) = (weighting, longest, normalizes)
            let (rows, output) = try transformed(
                [.bagOfWords(column: "text", text, bag), .select(columns: ["text"])])
            let expected = try fixture.member(name)
            #expect(output.columnNames == (try expected.member("names").elements().map { "text=\(try $0.string())" }))
            expectClose(rows, try expected.member("rows").floatRows().flatMap { $0 }, name)
        }
    }

    @Test func wordsBecomeNumbers() throws {
        let schema = DatasetSchema(features: [.init(name: "t", kind: .text)], label: nil)
        let texts = ["b a, a. c", "A", "", "...", "a b d", "zz a b (c) d e"]
        let data = try InMemoryDataset(
            schema, examples: texts.map { Example(numbers: [], texts: [$0], label: .none, provenance: .row(0)) })
        func ids(_ change: (inout PreprocessingStep.TokenOptions, inout PreprocessingStep.TextOptions) -> Void) throws
            -> [[Int64]]
        {
            var tokens = PreprocessingStep.TokenOptions(length: 4)
            var text = PreprocessingStep.TextOptions()
            change(&tokens, &text)
            let fitted = try Pipeline([.tokenIDs(column: "t", text, tokens)]).fit(data, rows: Array(0..<5))
            #expect(fitted.outputs[0].dimensions == [4])
            let all = try fitted.transform(data, rows: 0..<6, on: ExecutionContext())[0].elements(as: Int64.self)
            return (0..<6).map { Array(all[$0 * 4..<$0 * 4 + 4]) }
        }
        // a is 2 (four times), b 3 (twice), c 4, d 5: ties by bytes.
        #expect(
            try ids { _, _ in } == [
                [3, 2, 2, 4], [2, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [2, 3, 5, 0], [1, 2, 3, 4],
            ])
        #expect(
            try ids { tokens, _ in (tokens.padding, tokens.truncation) = (.start, .start) }
                == [[3, 2, 2, 4], [0, 0, 0, 2], [0, 0, 0, 0], [0, 0, 0, 0], [0, 2, 3, 5], [3, 4, 5, 1]])
        // Three words besides padding and the unknown one.
        #expect(try ids { tokens, _ in tokens.maximumVocabulary = 4 }[5] == [1, 2, 3, 1])
        #expect(try ids { _, text in text.stopWords = ["A", "d"] }[4] == [2, 0, 0, 0])
        #expect(try ids { _, text in text.lowercases = false }[1] == [4, 0, 0, 0])
    }

    @Test func everythingGoesSideBySide() throws {
        let data = try data("holes")
        let steps: [PreprocessingStep] = [
            .impute(columns: columns, .median), .standardize(columns: columns, .element),
            .oneHot(columns: nil, refusesUnknown: false),
            .bagOfWords(column: "text", .init(), .init()),
        ]
        let fitted = try Pipeline(steps).fit(data, rows: Array(0..<train))
        let output = fitted.outputs[0]
        #expect(output.columnNames.prefix(6) == ["x0", "x1", "x2", "x3", "x4", "city=Aachen"])
        #expect(output.columnNames.suffix(1) == ["floor=2"])
        #expect(output.dimensions == [output.columnNames.count])
        #expect(fitted.rawInputs.map(\.name) == ["features", "city", "text"])
        let values = try fitted.transform(data, rows: 0..<60, on: ExecutionContext())[0]
        #expect(values.shape == (try Shape([60, output.columnNames.count])))
        #expect(values.withElements(Float.self) { $0.allSatisfy(\.isFinite) })
    }

    @Test func mistakesNameTheStep() throws {
        func found(_ steps: [PreprocessingStep]) -> String { message { _ = try transformed(steps) } }
        #expect(
            found([only, .standardize(columns: ["x9"], .element)])
                == "preprocessing.steps[1] (standardize): there is no feature \"x9\"; did you mean \"x0\"?")
        #expect(
            found([.standardize(columns: ["city"], .element)])
                == "preprocessing.steps[0] (standardize): the feature \"city\" is not numeric here")
        #expect(
            found([]).hasPrefix(
                "preprocessing: the feature \"city\" is words: expected a step that makes numbers of it"))
        #expect(
            found([.select(columns: ["x0"]), .resize(columns: nil, .init(height: 2, width: 2))])
                == "preprocessing.steps[1] (resize): there is no feature that is an image")
        let empty = try InMemoryDataset(
            DatasetSchema(features: [.init(name: "v", kind: .number)], label: nil),
            examples: [Example(numbers: [.nan], label: .none, provenance: .row(0))])
        for step in [PreprocessingStep.standardize(columns: nil, .element), .impute(columns: nil, .median)] {
            #expect(
                message { _ = try Pipeline([step]).fit(empty, rows: [0]) }
                    == "preprocessing.steps[0] (\(step.type)): the column \"v\" has no values among the training rows")
        }
        #expect(
            message { _ = try Pipeline().fit(empty, rows: []) } == "found no rows to fit the preprocessing on")
    }
}
