public import JSONDocuments

/// What becomes of records that are not what the schema says.
public enum PoisonPolicy: Sendable, Hashable {
    /// The first one ends the reading.
    case refuse
    /// They are left out and counted; more than the maximum end the reading.
    case skip(maximum: Int)

    /// Reads `"refuse"` or `{"skip": 100}`.
    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor) throws(JSONError) {
        if case .string(let name) = json.value {
            guard name == "refuse" else { throw json.unknownName(name, among: ["refuse"]) }
            self = .refuse
            return
        }
        try json.rejectUnknownMembers(allowed: ["skip"])
        self = .skip(maximum: try json.member("skip").boundedInteger(0...1_000_000_000))
    }

    public var json: JSONValue {
        switch self {
        case .refuse: "refuse"
        case .skip(let maximum): ["skip": .integer(Int64(maximum))]
        }
    }
}

/// The records that were left out: how many, and why the first of them.
public struct PoisonRecords: Sendable, Hashable {
    public let policy: PoisonPolicy
    public private(set) var count = 0
    /// At most ``maximumReasons`` of them, in the order of reading.
    public private(set) var reasons: [DataError] = []

    public static let maximumReasons = 20

    public init(_ policy: PoisonPolicy) { self.policy = policy }

    /// Counts a bad record.
    /// - Throws: the error itself where bad records are refused or it is not one record's fault, and ``DataError`` when
    ///   there are too many.
    public mutating func record(_ error: DataError) throws(DataError) {
        guard case .skip(let maximum) = policy, error.isOneRecordsFault else { throw error }
        count += 1
        if reasons.count < Self.maximumReasons { reasons.append(error) }
        guard count <= maximum else {
            throw DataError(
                .tooLarge, at: error.location,
                "found \(count) bad records, at most \(maximum) are skipped; this one: \(error.message)")
        }
    }

    /// `{"skipped": 2, "reasons": ["row 3: …"]}`.
    public var json: JSONValue {
        ["skipped": .integer(Int64(count)), "reasons": .array(reasons.map { .string($0.description) })]
    }
}

extension DataError {
    /// Whether leaving one record out helps.
    var isOneRecordsFault: Bool {
        switch reason {
        case .malformed, .mismatch, .missing: true
        case .broken, .tooLarge, .tooFewRows, .unreadable, .unwritable, .unsupported: false
        }
    }
}
