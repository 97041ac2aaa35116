import JSONDocuments
import Testing

@testable import Training

/// Whatever a specification holds, it is built or refused with a message that has a path.
@Suite struct ArchitectureMutationTests {
    private static let values: [JSONValue] = [
        .null, true, false, 0, 1, 2, 3, 7, -1, -2, 65_536, 100_000_000, .integer(.max), .integer(.min), 0.5, 1e300,
        -0.5, "",
        "same", "relu", "zeros", "dense", [], [1], [2, 3], [0, 1, 2], [[1, 2], [3, 4]], [:], ["type": "flatten"],
        [["type": "flatten"]], [[], []], ["type": "lstm", "units": 2],
    ]

    /// The document with one value, anywhere in it, replaced, removed or repeated.
    private func mutated(_ value: JSONValue, _ random: inout RandomSource) -> JSONValue {
        if random.integer(below: 12) == 0 { return Self.values[random.integer(below: Self.values.count)] }
        switch value {
        case .array(var elements) where !elements.isEmpty:
            let index = random.integer(below: elements.count)
            switch random.integer(below: 6) {
            case 0: elements.remove(at: index)
            case 1: elements.append(elements[index])
            default: elements[index] = mutated(elements[index], &random)
            }
            return .array(elements)
        case .object(var members) where !members.isEmpty:
            let keys = members.keys.sorted()
            let key = keys[random.integer(below: keys.count)]
            switch random.integer(below: 8) {
            case 0: members[key] = nil
            case 1: members["padding"] = Self.values[random.integer(below: Self.values.count)]
            case 2: members["strides"] = Self.values[random.integer(below: Self.values.count)]
            default: if let member = members[key] { members[key] = mutated(member, &random) }
            }
            return .object(members)
        default: return Self.values[random.integer(below: Self.values.count)]
        }
    }

    @Test func mutationsAreBuiltOrRefused() throws {
        var limits = ArchitectureLimits()
        limits.maximumParameterCount = 20_000
        limits.maximumRowElementCount = 1 << 12
        let seeds = try ArchitectureShapeTests.cases.map { test in
            let shape = test.input.map(String.init).joined(separator: ", ")
            return try JSONValue(json: "{\"input\": {\"shape\": [\(shape)]}, \"layers\": [\(test.layers)]}")
        }
        var random = RandomSource(seed: 21, stream: "mutations")
        var (built, refused) = (0, 0)
        for round in 0..<3_000 {
            var json = seeds[round % seeds.count]
            for _ in 0...random.integer(below: 2) { json = mutated(json, &random) }
            do {
                _ = try ArchitectureSpec(JSONCursor(json, path: "architecture"), limits: limits).build(seed: 1)
                built += 1
            } catch {
                #expect(error.description.hasPrefix("architecture"), "\(error)")
                #expect(error.description.utf8.count < 3_000)
                refused += 1
            }
        }
        #expect(built > 100)
        #expect(refused > 1_000)
    }
}
