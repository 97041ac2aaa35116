public import JSONDocuments

/// How rows are divided into those that are trained on and those that are not.
///
///     {"method": "hold_out", "fraction": 0.2, "stratified": true}
///     {"method": "k_fold", "folds": 5, "assignment": "hash"}
///     {"method": "leave_one_out"}
public struct SplitSpec: Sendable, Hashable {
    public enum Method: Sendable, Hashable {
        /// All rows are trained on.
        case none
        /// The fraction is held out once.
        case holdOut(fraction: Double)
        /// Each fold is held out once.
        case kFold(Int)
        /// Each row is held out once.
        case leaveOneOut
    }

    /// What decides where a row goes.
    public enum Assignment: String, Sendable, Hashable, CaseIterable {
        /// A random permutation of all rows: parts differ by one row at most, but a row's part depends on what else is
        /// there.
        case permutation
        /// The row's provenance and the seed alone: rows that are added later change nothing, and instances that read
        /// parts of a topic agree; parts are as large as chance makes them.
        case hash
    }

    public var method: Method
    public var assignment: Assignment
    /// Whether every part has the classes in the proportions of the whole.
    public var isStratified: Bool

    public init(_ method: Method, assignment: Assignment = .permutation, isStratified: Bool = false) {
        self.method = method
        self.assignment = assignment
        self.isStratified = isStratified
    }

    private static let methods = ["hold_out", "k_fold", "leave_one_out", "none"]

    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor) throws(JSONError) {
        let member = try json.member("method")
        var allowed: Set = ["method"]
        switch try member.string() {
        case "none": method = .none
        case "leave_one_out": method = .leaveOneOut
        case "hold_out":
            allowed.formUnion(["fraction", "assignment", "stratified"])
            let fraction = try json.optionalMember("fraction")
            let found = try fraction?.number() ?? 0.2
            guard found > 0, found < 1 else {
                throw fraction?.failure("found \(found), expected a number between 0 and 1")
                    ?? json.mismatch("fraction")
            }
            method = .holdOut(fraction: found)
        case "k_fold":
            allowed.formUnion(["folds", "assignment", "stratified"])
            method = .kFold(try json.optionalMember("folds")?.boundedInteger(2...1_000_000) ?? 5)
        case let other: throw member.unknownName(other, among: Self.methods)
        }
        try json.rejectUnknownMembers(allowed: allowed)
        assignment = .permutation
        if let member = try json.optionalMember("assignment") {
            let name = try member.string()
            guard let found = Assignment(rawValue: name) else {
                throw member.unknownName(name, among: Assignment.allCases.map(\.rawValue))
            }
            assignment = found
        }
        isStratified = try json.optionalMember("stratified")?.bool() ?? false
        if isStratified, assignment == .hash, let member = try json.optionalMember("stratified") {
            throw member.failure(
                "a row's hash knows nothing of the other rows' classes: expected the assignment "
                    + "\"permutation\"")
        }
    }

    public var json: JSONValue {
        var members: [String: JSONValue] = [:]
        switch method {
        case .none: return ["method": "none"]
        case .leaveOneOut: return ["method": "leave_one_out"]
        case .holdOut(let fraction):
            members["method"] = "hold_out"
            members["fraction"] = .real(fraction)
        case .kFold(let folds):
            members["method"] = "k_fold"
            members["folds"] = .integer(Int64(folds))
        }
        members["assignment"] = .string(assignment.rawValue)
        members["stratified"] = .bool(isStratified)
        return .object(members)
    }
}
