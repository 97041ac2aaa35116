import JSONDocuments
import Testing

@testable import Training

@Suite struct SearchTests {
    private func spec(_ text: String) throws -> SearchSpec {
        try SearchSpec(JSONCursor(try JSONValue(parsing: text), path: "search"), isClassification: true)
    }

    private func trials(_ next: Search.Next) -> [Search.Trial] {
        if case .run(let trials) = next { trials } else { [] }
    }

    private func path(_ text: String) throws -> SearchPath { try #require(SearchPath(text)) }

    @Test func gridsTryEveryCombinationOnce() throws {
        let spec = try spec(
            """
            {"strategy": "grid", "metric": "log_loss", "parameters": {
                "a": ["x", "y"], "b": {"distribution": "log_uniform", "lower": 0.01, "upper": 1, "count": 3},
                "c": {"distribution": "integer", "lower": 4, "upper": 5}}}
            """)
        let all = trials(Search(spec, seed: 1).next([:]))
        #expect(all.map(\.id) == Array(0..<12))
        #expect(Set(all.map(\.values)).count == 12)
        #expect(all[0].values == [try path("a"): "x", try path("b"): 0.01, try path("c"): 4])
        #expect(all[1].values[try path("c")] == 5)
        guard case .real(let middle)? = all[2].values[try path("b")] else {
            Issue.record("no number")
            return
        }
        #expect(abs(middle - 0.1) < 1e-12)
        #expect(all[11].values == [try path("a"): "y", try path("b"): 1.0, try path("c"): 5])
    }

    @Test func drawsFollowTheirDistributionsAndTheSeed() throws {
        let spec = try spec(
            """
            {"trials": 2000, "metric": "accuracy", "parameters": {
                "u": {"lower": -1, "upper": 3}, "l": {"distribution": "log_uniform", "lower": 1e-4, "upper": 1},
                "i": {"distribution": "integer", "lower": 1, "upper": 4}, "c": [true, null]}}
            """)
        let drawn = trials(Search(spec, seed: 1).next([:]))
        #expect(drawn == trials(Search(spec, seed: 1).next([:])))
        #expect(drawn != trials(Search(spec, seed: 2).next([:])))
        func numbers(_ name: String) throws -> [Double] {
            try drawn.map { try JSONCursor($0.values[try path(name)] ?? .null).number() }
        }
        let (uniform, logarithmic, integers) = (try numbers("u"), try numbers("l"), try numbers("i"))
        #expect(uniform.allSatisfy { (-1..<3).contains($0) })
        #expect(abs(uniform.reduce(0, +) / 2000 - 1) < 0.13)
        #expect(logarithmic.allSatisfy { (1e-4...1).contains($0) })
        // Each decade has a quarter.
        #expect(abs(logarithmic.count { $0 < 1e-3 } - 500) < 97)
        #expect((1...4).allSatisfy { value in abs(integers.count { $0 == Double(value) } - 500) < 97 })
        #expect(abs(drawn.count { (try? $0.values[path("c")]) == .bool(true) } - 1000) < 112)
        // One parameter more changes none of the others.
        var wider = spec
        wider.parameters[try path("z")] = SearchParameter(.integer(lower: 0, upper: 9))
        let more = trials(Search(wider, seed: 1).next([:]))
        #expect(more[7].values[try path("u")] == drawn[7].values[try path("u")])
    }

    @Test func halvingKeepsTheBestAndFinishes() throws {
        let spec = try spec(
            """
            {"strategy": "successive_halving", "trials": 9, "reduction": 3, "minimum_resource": 2, "maximum_resource": 12,
             "metric": "log_loss", "parameters": {"x": {"lower": 0, "upper": 1}}}
            """)
        let search = Search(spec, seed: 4)
        let key = try path("x")
        func score(_ trial: Search.Trial) throws -> Double { try JSONCursor(trial.values[key] ?? .null).number() }
        var results: [Int: Double?] = [:]
        let first = trials(search.next(results))
        #expect(first.count == 9 && first.allSatisfy { $0.resource == 2 && $0.predecessor == nil })
        for trial in first.dropLast(2) { results[trial.id] = try score(trial) }
        #expect(trials(search.next(results)) == Array(first.suffix(2)), "the round waits for its last trials")
        results[7] = .some(nil)
        results[8] = Double.nan
        let second = trials(search.next(results))
        let best = try first.dropLast(2).sorted { try score($0) < score($1) }
        #expect(second.map(\.id) == [9, 10, 11])
        #expect(second.map(\.predecessor) == best.prefix(3).map(\.id))
        #expect(second.allSatisfy { $0.resource == 6 })
        for trial in second { results[trial.id] = trial.id == 10 ? -1 : 0 }
        let third = trials(search.next(results))
        #expect(third.count == 1 && third[0].resource == 12 && third[0].predecessor == 10)
        #expect(third[0].values == second[1].values)
        results[12] = 0.5
        #expect(search.next(results) == .finished(best: third[0]))
        let failed = Dictionary(uniqueKeysWithValues: (0..<9).map { ($0, Double?.none) })
        #expect(search.next(failed) == .finished(best: nil))
    }

    @Test func theBestHasTheBetterMetricAndTheLowerID() throws {
        let text = "{\"trials\": 3, \"metric\": \"accuracy\", \"parameters\": {\"x\": [1]}}"
        let search = Search(try spec(text), seed: 0)
        guard case .finished(let best) = search.next([0: 0.5, 1: 0.75, 2: 0.75]) else {
            Issue.record("not finished")
            return
        }
        #expect(best?.id == 1)
    }

    @Test func valuesGoToTheirPlaces() throws {
        let base: JSONValue = [
            "optimizer": ["type": "adam"], "epochs": 10, "layers": [["units": 8], ["units": 16, "sizes": [[1, 2]]]],
        ]
        let spec = try spec(
            """
            {"strategy": "successive_halving", "trials": 2, "maximum_resource": 5, "metric": "log_loss", "parameters": {
                "optimizer.learning_rate": [0.5], "layers[1].units": [32], "layers[1].sizes[0][1]": [7]}}
            """)
        let search = Search(spec, seed: 0)
        let request = try search.request(base, for: trials(search.next([:]))[0])
        #expect(
            request == [
                "optimizer": ["type": "adam", "learning_rate": 0.5], "epochs": 1,
                "layers": [["units": 8], ["units": 32, "sizes": [[1, 7]]]],
            ])
        func failure(_ text: String) throws -> String {
            let path = try path(text)
            return message { _ = try path.setting(1, in: base) }
        }
        #expect(try failure("optimiser.rate") == "missing member \"optimiser\"; did you mean \"optimizer\"?")
        #expect(try failure("layers[2].units") == "layers: found 2 elements, expected one of index 2")
        #expect(try failure("epochs.x") == "epochs: found integer, expected object")
        #expect(try failure("optimizer[0]") == "optimizer: found object, expected array")
        for text in ["", "a..b", ".a", "a[", "a[x]", "a[-1]", "[0]", "a]b"] { #expect(SearchPath(text) == nil) }
    }

    @Test(arguments: [
        ("{\"trials\": 1, \"metric\": \"acuracy\", \"parameters\": {\"a\": [1]}}", "search.metric: found \"acuracy\""),
        ("{\"metric\": \"log_loss\", \"parameters\": {\"a\": [1]}}", "search: missing member \"trials\""),
        (
            "{\"trials\": 1, \"metric\": \"log_loss\", \"parameters\": {\"a\": {\"lower\": 2, \"upper\": 1}}}",
            "search.parameters.a: found the range 2.0 to 1.0"
        ),
        (
            "{\"trials\": 1, \"metric\": \"log_loss\", \"parameters\": {\"a\": {\"distribution\": \"log_uniform\", \"lower\": 0, \"upper\": 1}}}",
            "search.parameters.a.lower: found 0.0, expected a number above 0"
        ),
        (
            "{\"strategy\": \"grid\", \"metric\": \"log_loss\", \"parameters\": {\"a\": {\"lower\": 0, \"upper\": 1}}}",
            "search.parameters.a: a grid needs choices or a \"count\" of values"
        ),
        (
            "{\"strategy\": \"grid\", \"metric\": \"log_loss\", \"parameters\": {\"a\": {\"distribution\": \"integer\", \"lower\": 0, \"upper\": 200}, \"b\": {\"distribution\": \"integer\", \"lower\": 0, \"upper\": 200}}}",
            "search.parameters: found more than 10000 combinations"
        ),
        (
            "{\"strategy\": \"grid\", \"trials\": 3, \"metric\": \"log_loss\", \"parameters\": {\"a\": [1]}}",
            "search: unknown member \"trials\""
        ),
        (
            "{\"trials\": 1, \"metric\": \"log_loss\", \"parameters\": {\"a.\": [1]}}",
            "search.parameters[\"a.\"]: the key is no path"
        ),
    ])
    func mistakesInSpecsAreNamed(json: String, expected: String) {
        #expect(message { _ = try spec(json) }.hasPrefix(expected))
    }

    @Test func specsAreReadAndWritten() throws {
        for text in [
            "{\"strategy\": \"grid\", \"metric\": \"f1_macro\", \"parameters\": {\"a\": {\"lower\": 0, \"upper\": 1, \"count\": 4}}}",
            "{\"trials\": 5, \"metric\": \"log_loss\", \"direction\": \"maximize\", \"parameters\": {\"a[0].b\": [1, \"x\"]}}",
            "{\"strategy\": \"successive_halving\", \"trials\": 5, \"maximum_resource\": 9, \"metric\": \"log_loss\", \"resource\": \"training.epochs\", \"parameters\": {\"a\": {\"distribution\": \"integer\", \"lower\": 1, \"upper\": 2}}}",
        ] {
            let read = try spec(text)
            #expect(try SearchSpec(JSONCursor(read.json), isClassification: true) == read)
        }
    }
}
