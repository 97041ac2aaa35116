public import JSONDocuments

extension AugmentationStep {
    /// Reads `{"type": "rotate", "degrees": 15, "probability": 0.5}`.
    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor) throws(JSONError) {
        let type = try json.member("type")
        var members: Set = ["type", "probability"]
        var probability = 1.0
        func fill() throws(JSONError) -> Float {
            members.insert("fill")
            return Float(try json.optionalMember("fill")?.boundedNumber(-1e30...1e30) ?? 0)
        }
        func number(_ name: String, _ range: ClosedRange<Double>, default value: Double? = nil) throws(JSONError)
            -> Double
        {
            members.insert(name)
            if let value { return try json.optionalMember(name)?.boundedNumber(range) ?? value }
            return try json.member(name).boundedNumber(range)
        }
        func integer(_ name: String, _ range: ClosedRange<Int>, default value: Int? = nil) throws(JSONError) -> Int {
            members.insert(name)
            if let value { return try json.optionalMember(name)?.boundedInteger(range) ?? value }
            return try json.member(name).boundedInteger(range)
        }
        func range(_ bounds: ClosedRange<Double>) throws(JSONError) -> (lower: Double, upper: Double) {
            let (lower, upper) = (try number("lower", bounds), try number("upper", bounds))
            guard lower <= upper else {
                throw json.failure(
                    "found the range \(lower) to \(upper), expected an upper end that is not below the lower")
            }
            return (lower, upper)
        }
        switch try type.string() {
        case "horizontal_flip": (kind, probability) = (.horizontalFlip, 0.5)
        case "vertical_flip": (kind, probability) = (.verticalFlip, 0.5)
        case "shift":
            kind = .shift(
                height: try number("height", 0...1, default: 0), width: try number("width", 0...1, default: 0),
                fill: try fill())
        case "rotate": kind = .rotate(degrees: try number("degrees", 0...180), fill: try fill())
        case "crop": kind = .crop(padding: try integer("padding", 1...4096), fill: try fill())
        case "cutout":
            kind = .cutout(
                height: try integer("height", 1...8192), width: try integer("width", 1...8192),
                count: try integer("count", 1...100, default: 1), fill: try fill())
        case "brightness": kind = .brightness(delta: try number("delta", 0...1e6))
        case "contrast":
            let range = try range(0...1000)
            kind = .contrast(lower: range.lower, upper: range.upper)
        case "noise": kind = .noise(standardDeviation: try number("standard_deviation", 0...1e6))
        case "scale":
            let range = try range(-1000...1000)
            kind = .scale(lower: range.lower, upper: range.upper)
        case "time_mask":
            kind = .timeMask(
                maximum: try integer("maximum", 1...1_000_000), count: try integer("count", 1...100, default: 1),
                fill: try fill())
        case "feature_mask":
            kind = .featureMask(
                maximum: try integer("maximum", 1...1_000_000), count: try integer("count", 1...100, default: 1),
                fill: try fill())
        case "clip":
            let range = try range(-1e30...1e30)
            kind = .clip(lower: range.lower, upper: range.upper)
        case let other: throw type.unknownName(other, among: Self.types)
        }
        self.probability = try json.optionalMember("probability")?.boundedNumber(0...1) ?? probability
        try json.rejectUnknownMembers(allowed: members)
    }

    /// The step as JSON; reading it yields an equal one.
    public var json: JSONValue {
        var members: [String: JSONValue] = ["type": .string(type), "probability": .real(probability)]
        func set(fill: Float) { members["fill"] = .real(Double(fill)) }
        func set(_ numbers: [String: Double]) { for (name, number) in numbers { members[name] = .real(number) } }
        func set(_ numbers: [String: Int]) { for (name, number) in numbers { members[name] = .integer(Int64(number)) } }
        switch kind {
        case .horizontalFlip, .verticalFlip: break
        case .shift(let height, let width, let fill):
            set(["height": height, "width": width])
            set(fill: fill)
        case .rotate(let degrees, let fill):
            set(["degrees": degrees])
            set(fill: fill)
        case .crop(let padding, let fill):
            set(["padding": padding])
            set(fill: fill)
        case .cutout(let height, let width, let count, let fill):
            set(["height": height, "width": width, "count": count])
            set(fill: fill)
        case .brightness(let delta): set(["delta": delta])
        case .noise(let deviation): set(["standard_deviation": deviation])
        case .contrast(let lower, let upper), .scale(let lower, let upper), .clip(let lower, let upper):
            set(["lower": lower, "upper": upper])
        case .timeMask(let maximum, let count, let fill), .featureMask(let maximum, let count, let fill):
            set(["maximum": maximum, "count": count])
            set(fill: fill)
        }
        return .object(members)
    }
}
