import JSONDocuments
import Testing

@Suite struct CursorTests {
    private let config = JSONCursor(
        [
            "name": "digits", "layers": [["units": 64.0], ["units": "64"], ["units": 6.5]], "rate": 1, "none": nil,
            "odd key": [true],
        ], path: "config")

    private func message(_ body: () throws -> Void) -> String? {
        do { try body() } catch { return "\(error)" }
        return nil
    }

    @Test func readsTypedValues() throws {
        #expect(try config.member("name").string() == "digits")
        #expect(try config.member("layers").elements()[0].member("units").integer() == 64)
        #expect(try config.member("rate").number() == 1)
        #expect(try config.member("odd key").elements()[0].bool())
        #expect(try config.optionalMember("none") == nil)
        #expect(try config.optionalMember("absent") == nil)
        #expect(try config.members().map(\.key) == ["layers", "name", "none", "odd key", "rate"])
    }

    @Test func errorsNamePathFoundAndExpected() {
        #expect(
            message { _ = try config.member("layers").elements()[1].member("units").integer() }
                == "config.layers[1].units: found string, expected integer")
        #expect(
            message { _ = try config.member("layers").elements()[2].member("units").integer() }
                == "config.layers[2].units: found 6.5, expected integer")
        #expect(message { _ = try config.member("depth") } == "config: missing member \"depth\"")
        #expect(message { _ = try config.member("name").elements() } == "config.name: found string, expected array")
        #expect(message { _ = try config.member("name").member("x") } == "config.name: found string, expected object")
        #expect(message { _ = try config.member("none").bool() } == "config.none: found null, expected boolean")
        #expect(message { _ = try config.member("name").number() } == "config.name: found string, expected number")
        #expect(
            message { _ = try config.member("odd key").elements()[0].string() }
                == "config[\"odd key\"][0]: found boolean, expected string")
        #expect(message { _ = try JSONCursor(3).string() } == "found integer, expected string")
    }

    @Test func unknownMembersAreNamedWithTheNearestKnownOne() throws {
        let cursor = JSONCursor(["unit": 1, "name": 2], path: "layer")
        try cursor.rejectUnknownMembers(allowed: ["unit", "name"])
        #expect(
            message { try cursor.rejectUnknownMembers(allowed: ["units", "name"]) }
                == "layer: unknown member \"unit\"; did you mean \"units\"?")
        #expect(
            message { try cursor.rejectUnknownMembers(allowed: ["activation", "name"]) }
                == "layer: unknown member \"unit\"")
    }
}
