public import JSONDocuments

extension DatasetSchema {
    /// Reads a schema.
    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor, limits: DataLimits = .default) throws(JSONError) {
        try json.rejectUnknownMembers(allowed: ["features", "label", "weight", "missing", "absent"])
        let listed = try json.member("features")
        var features: [Feature] = []
        if case .object = listed.value {
            // {"shape": [784]}: one tensor.
            try listed.rejectUnknownMembers(allowed: ["shape"])
            features = [Feature(name: "features", kind: .tensor(try Self.shape(try listed.member("shape"), limits)))]
        } else {
            let elements = try listed.elements()
            guard elements.count <= Self.maximumFeatures else {
                throw listed.failure(
                    "found \(elements.count) features, expected at most \(Self.maximumFeatures): "
                        + "a tensor holds more numbers"
                )
            }
            for element in elements { features.append(try Feature(element, limits)) }
        }
        guard !features.isEmpty else { throw listed.failure("found no features, expected at least one") }
        self.init(features: features, label: nil)
        if let label = try json.optionalMember("label") { self.label = try Label(label, limits) }
        if let weight = try json.optionalMember("weight") { self.weight = try weight.string() }
        if let missing = try json.optionalMember("missing") {
            missingTexts = []
            for text in try missing.elements() { missingTexts.append(try text.string()) }
        }
        if let absent = try json.optionalMember("absent") {
            let name = try absent.string()
            guard ["error", "missing"].contains(name) else {
                throw absent.unknownName(name, among: ["error", "missing"])
            }
            admitsAbsent = name == "missing"
        }
        try check(json, listed, limits)
    }

    private func check(_ json: JSONCursor, _ listed: JSONCursor, _ limits: DataLimits) throws(JSONError) {
        var names: Set<String> = []
        var columns = 0
        for feature in features {
            guard names.insert(feature.name).inserted else {
                throw listed.failure("the feature \"\(feature.name)\" occurs twice")
            }
            columns += feature.kind.numberCount
            guard columns <= limits.maximumColumns else {
                throw listed.failure("found more than \(limits.maximumColumns) numbers a row")
            }
        }
        for name in (label?.names ?? []) + (weight.map { [$0] } ?? []) where !names.insert(name).inserted {
            throw json.failure("\"\(name)\" is named twice, expected one part for each field")
        }
    }

    static func shape(_ json: JSONCursor, _ limits: DataLimits) throws(JSONError) -> [Int] {
        var shape: [Int] = []
        var count = 1
        for element in try json.elements() {
            let extent = try element.integer()
            guard extent >= 1 else { throw element.failure("found \(extent), expected at least 1") }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= limits.maximumColumns else {
                throw json.failure("found more than \(limits.maximumColumns) elements")
            }
            count = product
            shape.append(extent)
        }
        guard (1...8).contains(shape.count) else {
            throw json.failure("found \(shape.count) dimensions, expected 1 to 8")
        }
        return shape
    }

    /// The schema as JSON; reading it yields an equal one.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "features": .array(features.map(\.json)), "missing": .array(missingTexts.map { .string($0) }),
        ]
        if let label { members["label"] = label.json }
        if let weight { members["weight"] = .string(weight) }
        if admitsAbsent { members["absent"] = "missing" }
        return .object(members)
    }
}

extension DatasetSchema.Feature {
    private static let kinds = ["category", "number", "tensor", "text"]

    init(_ json: JSONCursor, _ limits: DataLimits) throws(JSONError) {
        let kindName = try json.optionalMember("kind")?.string() ?? "number"
        var allowed: Set = ["name", "kind", "column"]
        switch kindName {
        case "number": kind = .number
        case "category":
            allowed.insert("values")
            let values = try json.optionalMember("values")
            switch try values?.string() ?? "words" {
            case "words": kind = .category
            case "integers": kind = .integerCategory
            case let other:
                throw values?.failure("found \"\(other)\", expected \"words\" or \"integers\"")
                    ?? json.failure("unknown values")
            }
        case "tensor":
            allowed = ["name", "kind", "columns", "shape"]
            kind = .tensor(try DatasetSchema.shape(try json.member("shape"), limits))
        case "text": kind = .text
        default: throw try json.member("kind").unknownName(kindName, among: Self.kinds)
        }
        try json.rejectUnknownMembers(allowed: allowed)
        name = try json.member("name").string()
        guard !name.isEmpty else { throw try json.member("name").failure("found an empty name") }
        columns = nil
        if let column = try json.optionalMember("column") { columns = [try Self.column(column)] }
        if let list = try json.optionalMember("columns") {
            var found: [String] = []
            for column in try list.elements() { found.append(try Self.column(column)) }
            guard found.count == kind.numberCount else {
                throw list.failure("found \(found.count) columns, expected \(kind.numberCount) for the shape")
            }
            columns = found
        }
    }

    private static func column(_ json: JSONCursor) throws(JSONError) -> String {
        if case .integer(let index) = json.value {
            guard index >= 0 else { throw json.failure("found \(index), expected a column from 0") }
            return String(index)
        }
        return try json.string()
    }

    var json: JSONValue {
        var members: [String: JSONValue] = ["name": .string(name)]
        switch kind {
        case .number: members["kind"] = "number"
        case .category: members["kind"] = "category"
        case .integerCategory:
            members["kind"] = "category"
            members["values"] = "integers"
        case .tensor(let shape):
            members["kind"] = "tensor"
            members["shape"] = .array(shape.map { .integer(Int64($0)) })
        case .text: members["kind"] = "text"
        }
        if let columns {
            if case .tensor = kind {
                members["columns"] = .array(columns.map { .string($0) })
            } else if let column = columns.first {
                members["column"] = .string(column)
            }
        }
        return .object(members)
    }
}

extension DatasetSchema.Label {
    init(_ json: JSONCursor, _ limits: DataLimits) throws(JSONError) {
        try json.rejectUnknownMembers(allowed: ["name", "names", "kind", "classes", "count"])
        names = [try json.optionalMember("name")?.string() ?? "label"]
        let kindName = try json.optionalMember("kind")?.string() ?? "class"
        if kindName != "class", let classes = try json.optionalMember("classes") {
            throw classes.failure("only a label of kind \"class\" has classes")
        }
        if kindName != "class_index", let count = try json.optionalMember("count") {
            throw count.failure("only a label of kind \"class_index\" has a count")
        }
        if let list = try json.optionalMember("names") {
            guard kindName == "number", try json.optionalMember("name") == nil else {
                throw list.failure("only a label of kind \"number\" without \"name\" has several names")
            }
            names = []
            for name in try list.elements() { names.append(try name.string()) }
            guard (1...4096).contains(names.count) else {
                throw list.failure("found \(names.count) names, expected 1 to 4096")
            }
        }
        switch kindName {
        case "class":
            var classes: [String]?
            if let list = try json.optionalMember("classes") { classes = try Self.classes(list, limits) }
            kind = .classes(classes)
        case "class_index":
            let count = try json.member("count")
            let found = try count.integer()
            guard (2...limits.maximumClasses).contains(found) else {
                throw count.failure("found \(found), expected 2 to \(limits.maximumClasses)")
            }
            kind = .classIndex(count: found)
        case "number": kind = .numbers
        default: throw try json.member("kind").unknownName(kindName, among: ["class", "class_index", "number"])
        }
    }

    private static func classes(_ list: JSONCursor, _ limits: DataLimits) throws(JSONError) -> [String] {
        var classes: [String] = []
        var seen: Set<String> = []
        for element in try list.elements() {
            let name: String
            if case .integer(let number) = element.value { name = String(number) } else { name = try element.string() }
            guard seen.insert(name).inserted else { throw element.failure("the class \"\(name)\" occurs twice") }
            classes.append(name)
        }
        guard (2...limits.maximumClasses).contains(classes.count) else {
            throw list.failure("found \(classes.count) classes, expected 2 to \(limits.maximumClasses)")
        }
        return classes
    }

    var json: JSONValue {
        var members: [String: JSONValue] =
            names.count == 1 ? ["name": .string(names[0])] : ["names": .array(names.map { .string($0) })]
        switch kind {
        case .classes(let classes):
            members["kind"] = "class"
            if let classes { members["classes"] = .array(classes.map { .string($0) }) }
        case .classIndex(let count):
            members["kind"] = "class_index"
            members["count"] = .integer(Int64(count))
        case .numbers: members["kind"] = "number"
        }
        return .object(members)
    }
}
