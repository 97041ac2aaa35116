/// Finds the name that a misspelt one was probably meant to be.
enum NearestValueName {
    /// The name at the smallest edit distance (Levenshtein), the first in order among several; nil when more than half of
    /// it differs. Names are compared by their first 128 bytes.
    static func nearest(to name: String, among known: some Sequence<String>) -> String? {
        var best: (name: String, distance: Int)?
        let wanted = Array(name.lowercased().utf8.prefix(128))
        for candidate in known.sorted() {
            let distance = distance(wanted, Array(candidate.lowercased().utf8.prefix(128)))
            if distance <= max(2, max(name.utf8.count, candidate.utf8.count) / 2), distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.name
    }

    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var previous = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                current.append(
                    min(previous[column] + (byte == other ? 0 : 1), previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous.last ?? 0
    }
}
