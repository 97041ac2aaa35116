/// Numbers the repetitions of a name as Keras does: "shared", "shared_1".
struct UniqueNames {
    private var taken: Set<String>
    /// The number to try next: a name that comes very often must not be numbered from 1 each time.
    private var next: [String: Int] = [:]

    init(taken: [String]) { self.taken = Set(taken) }

    mutating func take(_ base: String) -> String {
        if taken.insert(base).inserted { return base }
        var number = next[base] ?? 1
        while !taken.insert("\(base)_\(number)").inserted { number += 1 }
        next[base] = number + 1
        return "\(base)_\(number)"
    }
}
