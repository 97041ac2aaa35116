/// What a model is to learn of each row.
public enum EarlyModelTargets: Sendable {
    /// The place of each row's class among the names.
    case classes([Int], names: ClassNames)
    case values([Double])

    public var task: EarlyModelTask {
        switch self {
        case .classes: .classification
        case .values: .regression
        }
    }
}

/// What a classifier's classes are called in its answers.
public enum ClassNames: Sendable, Hashable {
    /// By their places, 0 to count - 1.
    case indices(count: Int)
    case integers([Int64])
    case strings([String])

    public static let maximumCount = 4096

    public var count: Int {
        switch self {
        case .indices(let count): count
        case .integers(let list): list.count
        case .strings(let list): list.count
        }
    }

    /// The names in writing, as hyperparameters refer to them.
    var texts: [String] {
        switch self {
        case .indices(let count): (0..<count).map(String.init)
        case .integers(let list): list.map(String.init)
        case .strings(let list): list
        }
    }

    /// - Throws: ``EarlyModelError`` for less than two classes, too many, or one name twice.
    func check() throws(EarlyModelError) {
        guard count >= 2, count <= Self.maximumCount else {
            throw EarlyModelError(
                .invalidTargets, "targets", "found \(count) classes, expected 2 to \(Self.maximumCount)")
        }
        var seen: Set<String> = []
        for name in texts where !seen.insert(name).inserted {
            throw EarlyModelError(.invalidTargets, "targets", "found the class '\(name.prefix(80))' twice")
        }
    }
}
