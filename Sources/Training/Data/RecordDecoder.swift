public import JSONDocuments

/// Makes examples of JSON objects: a topic's records, rows of a request, lines of a file.
///
/// A record has its features by name, `{"age": 42, "city": "Bonn", "label": "yes"}`, or in one array in the schema's
/// order, `{"features": [42, "Bonn"], "label": "yes"}`. A tensor is nested as its shape says, or flat. In the array
/// form a schema of one tensor takes the array itself, and one of numbers only may be flat across its features. Null is
/// a missing number or word, and so is what is absent where the schema says so. Other members are ignored.
public struct RecordDecoder: Sendable {
    private let schema: DatasetSchema
    private let limits: DataLimits
    private let jsonLimits: JSONLimits
    /// Whether a feature has the name of the array form's member.
    private let isNamed: Bool

    public init(_ schema: DatasetSchema, limits: DataLimits = .default) {
        self.schema = schema
        self.limits = limits
        isNamed = schema.features.contains { $0.name == "features" }
        jsonLimits = JSONLimits(
            maximumBytes: limits.maximumRecordBytes, maximumDepth: 16, maximumValues: 4 * limits.maximumColumns + 1024)
    }

    /// - Throws: ``DataError`` at the provenance and the path in the record.
    public func decode(
        _ bytes: some Collection<UInt8>, provenance: Provenance
    ) throws(DataError) -> Example {
        let value: JSONValue
        do throws(JSONError) {
            guard bytes.count <= limits.maximumRecordBytes else {
                throw JSONError(
                    at: .path(""), "found \(bytes.count) bytes, at most \(limits.maximumRecordBytes) are allowed")
            }
            value = try JSONValue(parsing: bytes, limits: jsonLimits)
        } catch {
            throw DataError(error, .malformed).inside(provenance.description)
        }
        return try decode(JSONCursor(value), provenance: provenance)
    }

    /// - Throws: ``DataError`` at the provenance and the path in the record.
    public func decode(_ json: JSONCursor, provenance: Provenance) throws(DataError) -> Example {
        do throws(JSONError) {
            return try example(json, provenance)
        } catch {
            throw DataError(error).inside(provenance.description)
        }
    }

    private func example(_ json: JSONCursor, _ provenance: Provenance) throws(JSONError) -> Example {
        var values = Values()
        values.numbers.reserveCapacity(schema.numberCount)
        if let list = try json.optionalMember("features"), !isNamed || isWholeRow(list) {
            try positional(list, &values)
        } else {
            for feature in schema.features {
                let member = try json.optionalMember(feature.name)
                if member == nil, !schema.admitsAbsent { try requireMember(feature.name, json) }
                try values.add(member, feature, json)
            }
        }
        var weight: Float = 1
        if let name = schema.weight {
            let member = try json.member(name)
            weight = try Values.float(member)
        }
        return Example(
            numbers: values.numbers, texts: values.texts, label: try label(json), weight: weight,
            provenance: provenance)
    }

    private func requireMember(_ name: String, _ json: JSONCursor) throws(JSONError) {
        guard case .object(let members) = json.value, members[name] == nil else { return }
        let others = members.keys.filter { key in !schema.features.contains { $0.name == key } }
        let hint = NearestName.nearest(to: name, among: others).map { "; did you mean it by \"\($0)\"?" } ?? ""
        throw json.failure("missing member \"\(name)\"\(hint)")
    }

    /// Whether a member that has a feature's name holds the whole row.
    private func isWholeRow(_ list: JSONCursor) -> Bool {
        guard schema.features.count > 1, case .array(let elements) = list.value else { return false }
        return elements.count == schema.features.count
    }

    private func positional(_ list: JSONCursor, _ values: inout Values) throws(JSONError) {
        if schema.features.count == 1, case .tensor = schema.features[0].kind {
            return try values.add(list, schema.features[0], list)
        }
        let elements = try list.elements()
        if elements.count == schema.features.count {
            for (feature, element) in zip(schema.features, elements) {
                try values.add(element.value == .null ? nil : element, feature, element)
            }
            return
        }
        guard schema.textCount == 0, elements.count == schema.numberCount else {
            throw list.failure("found \(elements.count) values, expected \(schema.features.count)")
        }
        for element in elements { values.numbers.append(try Values.number(element)) }
    }

    private func label(_ json: JSONCursor) throws(JSONError) -> Example.Label {
        guard let label = schema.label else { return .none }
        switch label.kind {
        case .classes:
            let member = try json.member(label.names[0])
            switch member.value {
            case .integer(let index): return .name(String(index))
            case .bool(let flag): return .name(flag ? "true" : "false")
            default: return .name(try member.string())
            }
        case .classIndex: return .index(try json.member(label.names[0]).integer())
        case .numbers:
            var numbers: [Float] = []
            // A label of several numbers comes by their names.
            for name in label.names { numbers.append(try Values.float(try json.member(name))) }
            return .numbers(numbers)
        }
    }

    /// The features gathered so far.
    private struct Values {
        var numbers: [Float] = []
        var texts: [String] = []

        mutating func add(
            _ value: JSONCursor?, _ feature: DatasetSchema.Feature, _ outer: JSONCursor
        ) throws(JSONError) {
            switch feature.kind {
            case .number:
                if let value { numbers.append(try Self.float(value)) } else { numbers.append(.nan) }
            case .integerCategory:
                guard let value else { return numbers.append(.nan) }
                numbers.append(Float(try value.boundedInteger(-16_777_216...16_777_216)))
            case .category:
                switch value?.value {
                case nil: texts.append("")
                case .integer(let integer)?: texts.append(String(integer))
                case .bool(let flag)?: texts.append(flag ? "true" : "false")
                default: texts.append(try value?.string() ?? "")
                }
            case .text: texts.append(try value?.string() ?? "")
            case .tensor(let shape):
                guard let value else { throw outer.failure("missing member \"\(feature.name)\"") }
                try addTensor(value, shape[...])
            }
        }

        private mutating func addTensor(_ value: JSONCursor, _ shape: ArraySlice<Int>) throws(JSONError) {
            let elements = try value.elements()
            let count = shape.reduce(1, *)
            var isNested = false
            if shape.count > 1, case .array? = elements.first?.value { isNested = true }
            guard isNested else {
                guard elements.count == count else {
                    throw value.failure("found \(elements.count) numbers, expected \(count)")
                }
                for element in elements { numbers.append(try Self.number(element)) }
                return
            }
            guard elements.count == shape.first else {
                throw value.failure("found \(elements.count) elements, expected \(shape.first ?? 0)")
            }
            for element in elements { try addTensor(element, shape.dropFirst()) }
        }

        /// A number; null is missing.
        static func number(_ json: JSONCursor) throws(JSONError) -> Float {
            json.value == .null ? .nan : try float(json)
        }

        static func float(_ json: JSONCursor) throws(JSONError) -> Float {
            let number = Float(try json.number())
            guard number.isFinite else { throw json.failure("found a number that binary32 does not hold") }
            return number
        }
    }
}
