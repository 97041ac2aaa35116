/// The candidate that `name` was probably meant to be: the fewest edits away, and no more than a third of its length.
///
/// Names longer than 64 bytes have no candidate; the cost is quadratic.
package func nearestName(to name: String, in candidates: some Collection<String>) -> String? {
    let name = Array(name.lowercased().utf8)
    guard name.count <= 64 else { return nil }
    let ranked =
        candidates.map { (distance: editDistance(name, Array($0.lowercased().utf8)), candidate: $0) }
        .min { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }
    guard let ranked, ranked.distance <= max(1, name.count / 3) else { return nil }
    return ranked.candidate
}

/// Levenshtein distance in bytes.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var previous = Array(0...b.count)
    for (row, left) in a.enumerated() {
        var current = [row + 1]
        current.reserveCapacity(b.count + 1)
        for (column, right) in b.enumerated() {
            let substituted = previous[column] + (left == right ? 0 : 1)
            current.append(min(substituted, previous[column + 1] + 1, current[column] + 1))
        }
        previous = current
    }
    return previous[b.count]
}
