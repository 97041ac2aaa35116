import JSONDocuments

extension PreprocessingStep.Statistics {
    init(step json: JSONCursor) throws(JSONError) {
        let layout = try json.optionalCase("layout", ImageLayout.self)
        switch try json.optionalChoice("statistics", ["all", "channel", "element"]) ?? "element" {
        case "all": self = .all
        case "channel": self = .channel(layout ?? .channelsLast)
        default: self = .element
        }
    }

    func write(_ members: inout [String: JSONValue]) {
        switch self {
        case .all: members["statistics"] = "all"
        case .element: members["statistics"] = "element"
        case .channel(let layout):
            members["statistics"] = "channel"
            members["layout"] = .string(layout.rawValue)
        }
    }
}

extension PreprocessingStep.Imputation {
    init(step json: JSONCursor) throws(JSONError) {
        let strategy =
            try json.optionalChoice("strategy", ["mean", "median", "most_frequent", "constant"]) ?? "mean"
        guard strategy == "constant" else {
            if let value = try json.optionalMember("value") {
                throw value.failure("only the strategy \"constant\" has a value")
            }
            self = strategy == "mean" ? .mean : strategy == "median" ? .median : .mostFrequent
            return
        }
        let value = try json.member("value")
        if case .string(let text) = value.value { self = .text(text) } else { self = .number(try value.number()) }
    }

    func write(_ members: inout [String: JSONValue]) {
        switch self {
        case .mean: members["strategy"] = "mean"
        case .median: members["strategy"] = "median"
        case .mostFrequent: members["strategy"] = "most_frequent"
        case .number(let number):
            members["strategy"] = "constant"
            members["value"] = .real(number)
        case .text(let text):
            members["strategy"] = "constant"
            members["value"] = .string(text)
        }
    }
}

extension PreprocessingStep.TextOptions {
    static let members: Set = ["type", "column", "lowercase", "separators", "stop_words", "minimum_rows"]

    init(step json: JSONCursor) throws(JSONError) {
        lowercases = try json.optionalMember("lowercase")?.bool() ?? lowercases
        if let member = try json.optionalMember("separators") {
            separators = try member.string()
            guard separators.unicodeScalars.count <= 64, !separators.contains(TextWords.end) else {
                throw member.failure("expected at most 64 characters, U+0003 not among them")
            }
        }
        stopWords = try json.optionalMember("stop_words")?.stringElements() ?? []
        minimumRows = try json.optionalMember("minimum_rows")?.boundedInteger(1...1_000_000_000) ?? 1
    }

    func write(_ members: inout [String: JSONValue]) {
        members["lowercase"] = .bool(lowercases)
        members["separators"] = .string(separators)
        members["stop_words"] = .array(stopWords.map { .string($0) })
        members["minimum_rows"] = .integer(Int64(minimumRows))
    }
}

extension PreprocessingStep.TokenOptions {
    init(step json: JSONCursor) throws(JSONError) {
        length = try json.member("length").boundedInteger(1...65_536)
        maximumVocabulary =
            try json.optionalMember("maximum_vocabulary")?.boundedInteger(3...1_000_000) ?? maximumVocabulary
        padding = try json.optionalCase("padding", PreprocessingStep.Side.self) ?? padding
        truncation = try json.optionalCase("truncation", PreprocessingStep.Side.self) ?? truncation
    }

    func write(_ members: inout [String: JSONValue]) {
        members["length"] = .integer(Int64(length))
        members["maximum_vocabulary"] = .integer(Int64(maximumVocabulary))
        members["padding"] = .string(padding.rawValue)
        members["truncation"] = .string(truncation.rawValue)
    }
}

extension PreprocessingStep.BagOptions {
    init(step json: JSONCursor) throws(JSONError) {
        weighting = try json.optionalCase("weighting", PreprocessingStep.Weighting.self) ?? weighting
        longest = try json.optionalMember("longest")?.boundedInteger(1...8) ?? longest
        maximumFeatures =
            try json.optionalMember("maximum_features")?.boundedInteger(1...1_000_000) ?? maximumFeatures
        normalizes = try json.optionalMember("normalize")?.bool() ?? (weighting == .tfIDF)
    }

    func write(_ members: inout [String: JSONValue]) {
        members["weighting"] = .string(weighting.rawValue)
        members["longest"] = .integer(Int64(longest))
        members["maximum_features"] = .integer(Int64(maximumFeatures))
        members["normalize"] = .bool(normalizes)
    }
}

extension PreprocessingStep.ResizeOptions {
    init(step json: JSONCursor) throws(JSONError) {
        height = try json.member("height").boundedInteger(1...8192)
        width = try json.member("width").boundedInteger(1...8192)
        layout = try json.optionalCase("layout", ImageLayout.self) ?? layout
        mode = try json.optionalCase("mode", Mode.self) ?? mode
        antialiases = try json.optionalMember("antialias")?.bool() ?? antialiases
    }

    func write(_ members: inout [String: JSONValue]) {
        members["height"] = .integer(Int64(height))
        members["width"] = .integer(Int64(width))
        members["layout"] = .string(layout.rawValue)
        members["mode"] = .string(mode.rawValue)
        members["antialias"] = .bool(antialiases)
    }
}
