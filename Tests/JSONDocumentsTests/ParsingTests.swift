import JSONDocuments
import TestSupport
import Testing

@Suite struct ParsingTests {
    @Test func readsEveryKindOfValue() throws {
        let value = try JSONValue(
            parsing:
                #" {"a": [null, true, false, -7, 9223372036854775807, 1.5, 1.0, 2e3], "é😀": "\u0000\ud83d\ude00\n"} "#)
        let expected: JSONValue = [
            "a": [nil, true, false, -7, 9_223_372_036_854_775_807, 1.5, .real(1), 2000.0], "é😀": "\u{0}😀\n",
        ]
        #expect(value == expected)
    }

    @Test func scalarsAreDocuments() throws {
        #expect(try JSONValue(parsing: "3") == 3)
        #expect(try JSONValue(parsing: "\"x\"") == "x")
        #expect(try JSONValue(parsing: "null") == .null)
    }

    @Test func acceptsAnyCollectionOfBytes() throws {
        let bytes = Array("xx[1]yy".utf8)
        #expect(try JSONValue(parsing: bytes[2..<5]) == [1])
        #expect(try JSONValue(parsing: AnyCollection(bytes[2..<5])) == [1])
    }

    @Test(arguments: [
        ("", "line 1"), ("[1,]", "line 1, column 4"), ("{\n\"a\":1,\n  \"a\":2}", "line 3"), ("[1] 2", "line 1"),
        ("[1", "line 1"), ("{\"a\" 1}", "line 1"), ("[01]", "line 1"), ("[NaN]", "line 1"), ("[1e999]", "line 1"),
        ("[9223372036854775808]", "line 1"), ("\"\\ud800\"", "line 1"), ("['a']", "line 1"), ("// c\n1", "line 1"),
        ("\u{FEFF}1", "line 1"), ("[\"\n\"]", "line 1"), ("tru", "line 1"),
    ])
    func refusesWithPlace(text: String, place: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.description.hasPrefix(place) == true, "\(String(describing: error))")
        #expect(error?.message.isEmpty == false)
    }

    @Test func refusesWhatIsNotUTF8() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0xFF]] {
            #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
        }
    }

    @Test func refusesKeysThatSwiftCannotTellApart() {
        let error = #expect(throws: JSONError.self) {
            try JSONValue(parsing: "{\"a\":[3,{\"\u{E9}\":1,\"e\u{301}\":2}]}")
        }
        #expect(error?.location == .path("a[1].\u{E9}"))
    }

    @Test func depthIsLimited() throws {
        let limits = JSONLimits(maximumBytes: 1000, maximumDepth: 5, maximumValues: 1000)
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONValue(parsing: nested(5), limits: limits)
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: nested(6), limits: limits) }
        #expect(error?.description == "line 1, column 6: found more than 5 nested arrays and objects")
        // Brackets in strings do not count, escaped quotes do not end them.
        _ = try JSONValue(parsing: #"["[[[[[[[[\"[[[[[[["]"#, limits: limits)
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested(1_000_000)) }
    }

    @Test func valuesAndBytesAreLimited() throws {
        let limits = JSONLimits(maximumBytes: 20, maximumDepth: 5, maximumValues: 4)
        _ = try JSONValue(parsing: "[1,2,3]", limits: limits)
        let values = #expect(throws: JSONError.self) { try JSONValue(parsing: "[1,\n2,3,4]", limits: limits) }
        #expect(values?.description == "line 2, column 4: found more than 4 values")
        let bytes = #expect(throws: JSONError.self) {
            try JSONValue(parsing: String(repeating: " ", count: 21), limits: limits)
        }
        #expect(bytes?.message == "found 21 bytes, expected at most 20")
    }

    @Test func mutatedDocumentsNeverCrash() {
        let seed = Array(#"{"a":[1,-2.5e3,"x\u00e9",{"b":null}],"c":true}"#.utf8)
        var random = SplitMix64(state: 7)
        for _ in 0..<5_000 {
            var bytes = seed
            for _ in 0...Int(random.next() % 3) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if let value = try? JSONValue(parsing: bytes) {
                #expect((try? JSONValue(parsing: value.serialized())) == value)
            }
        }
    }
}
