import JSONDocuments
import TestSupport
import Testing

@Suite struct WriterTests {
    private func text(_ value: JSONValue, _ style: JSONWriter.Style = .compact) -> String {
        String(decoding: value.serialized(style), as: UTF8.self)
    }

    @Test func compactIsCanonical() {
        let value: JSONValue = ["b": [1, 2.5, .real(3), nil, true], "a": ["é": "x", "z": [:], "Z": []]]
        #expect(text(value) == #"{"a":{"Z":[],"z":{},"é":"x"},"b":[1,2.5,3.0,null,true]}"#)
    }

    @Test func indentedPutsOneElementOnALine() {
        let value: JSONValue = ["b": [1, ["c": []]], "a": [:]]
        #expect(
            text(value, .indented) == """
                {
                  "a": {},
                  "b": [
                    1,
                    {
                      "c": []
                    }
                  ]
                }
                """)
    }

    @Test func escapesWhatMustBe() {
        #expect(text("\"\\/\u{8}\t\n\u{C}\r\u{1}\u{1F}\u{7F}é😀") == #""\"\\/\b\t\n\f\r\u0001\u001f"# + "\u{7F}é😀\"")
    }

    @Test func numbersWithoutJSONSpellingBecomeStrings() {
        #expect(text([.real(.nan), .real(.infinity), .real(-.infinity)]) == #"["NaN","Infinity","-Infinity"]"#)
    }

    @Test func extremeNumbersReadBackAsTheSameBits() throws {
        let reals: [Double] = [
            0.1, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .leastNormalMagnitude, 1e16,
            123456789012345680, 1.0 / 3.0,
            1e-7,
        ]
        for real in reals {
            guard case .real(let read) = try JSONValue(parsing: JSONValue.real(real).serialized()) else {
                Issue.record("\(real) did not stay a real")
                continue
            }
            #expect(read.bitPattern == real.bitPattern)
        }
        #expect(try JSONValue(parsing: JSONValue.integer(.min).serialized()) == .integer(.min))
    }

    @Test func randomRealsReadBackAsTheSameBits() throws {
        var random = SplitMix64(state: 1)
        for _ in 0..<2_000 {
            let real = Double(bitPattern: random.next())
            guard real.isFinite else { continue }
            #expect(try JSONValue(parsing: JSONValue.real(real).serialized()) == .real(real))
        }
    }

    @Test func writesByHand() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("shape")
        writer.integers([1, 64, -12])
        writer.key("x")
        writer.number(Float(0.1))
        writer.key("none")
        writer.integers([Int]())
        writer.key("deep")
        writer.beginArray()
        writer.null()
        writer.integer(UInt64.max)
        writer.endArray()
        writer.endObject()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"shape":[1,64,-12],"x":0.1,"none":[],"deep":[null,18446744073709551615]}"#)
    }
}
