/// Finds the known name that a misspelled one was probably meant to be.
package enum NearestName {
    /// The candidate with the smallest edit distance, ties by name; nil when even that one is mostly different.
    package static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
        let scored = candidates.map { (name: $0, distance: distance(name.lowercased(), $0.lowercased())) }
        guard let best = scored.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }),
            best.distance <= max(2, max(name.count, best.name.count) / 2)
        else { return nil }
        return best.name
    }

    /// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours count one each.
    /// Names longer than 256 characters are compared by their first 256, so that the cost has a limit.
    package static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8.prefix(256))
        let right = Array(right.utf8.prefix(256))
        var beforePrevious: [Int] = []
        var previous = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let substitution = previous[column] + (left[row] == right[column] ? 0 : 1)
                var best = min(substitution, previous[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, beforePrevious[column - 1] + 1)
                }
                current.append(best)
            }
            beforePrevious = previous
            previous = current
        }
        return previous.last ?? 0
    }
}
