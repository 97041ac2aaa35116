import TensorEngine

extension PipelineBuilder {
    /// Categories of one feature.
    static let maximumCategories = 65_536

    /// A constant of strings.
    mutating func strings(_ texts: [String]) throws(DataError) -> String {
        do throws(TensorError) {
            return constant(try Tensor(shape: try Shape([texts.count]), strings: texts))
        } catch {
            throw DataError(.tooLarge, error.description)
        }
    }

    /// How often each word occurs, the empty one left out.
    private func counts(_ track: Track, _ data: TrainingRows) throws(DataError) -> [String: Int] {
        var counts: [String: Int] = [:]
        try data.forEachText(track.value, self) { texts throws(DataError) in
            guard let text = texts.first, !text.isEmpty else { return }
            counts[text, default: 0] += 1
            guard counts.count <= Self.maximumCategories else {
                throw DataError(
                    .tooLarge,
                    "the feature \(DataError.quoted(track.features[0])) has more than "
                        + "\(Self.maximumCategories) categories")
            }
        }
        guard !counts.isEmpty else {
            throw DataError(
                .tooFewRows, "the feature \(DataError.quoted(track.features[0])) has no values among the training rows")
        }
        return counts
    }

    func mostFrequentText(_ track: Track, _ data: TrainingRows) throws(DataError) -> String {
        let counts = try counts(track, data)
        return counts.max { left, right in
            left.value != right.value
                ? left.value < right.value : right.key.utf8.lexicographicallyPrecedes(left.key.utf8)
        }?.key ?? ""
    }

    /// A column for each category, sorted; what is missing has none.
    mutating func oneHot(_ columns: [String]?, refusesUnknown: Bool, _ data: TrainingRows) throws(DataError) {
        let suiting = try tracks(columns, suiting: "a category") { track, kind in
            (track.content == .text && kind == .category) || (track.content == .columns && kind == .integerCategory)
        }
        var encoded: [Track] = []
        // From the back, so that indices stay where they are as a block loses columns.
        for (index, places) in suiting.reversed() {
            let track = tracks[index]
            if track.content == .text {
                let categories = try counts(track, data).keys
                    .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                tracks[index] = try encode(
                    track.value, track.features[0], ["cats_strings": .strings(categories)], categories, refusesUnknown)
                continue
            }
            let categories = try integerCategories(track, places, data)
            for (place, found) in zip(places, categories) {
                let column = try self.columns(track.value, [place])
                encoded.append(
                    try encode(
                        column, track.features[place], ["cats_int64s": .ints(found)], found.map(String.init),
                        refusesUnknown))
            }
            let left = track.features.indices.filter { !places.contains($0) }
            guard !left.isEmpty else {
                tracks.remove(at: index)
                continue
            }
            tracks[index].value = try self.columns(track.value, left)
            tracks[index].features = left.map { track.features[$0] }
            tracks[index].columnNames = left.map { track.columnNames[$0] }
            tracks[index].dimensions = [left.count]
        }
        tracks += encoded
    }

    private mutating func encode(
        _ value: String, _ feature: String, _ categories: [String: AttributeValue], _ names: [String],
        _ refusesUnknown: Bool
    ) throws(DataError) -> Track {
        var attributes = categories
        attributes["zeros"] = .int(refusesUnknown ? 0 : 1)
        let hot = add("OneHotEncoder", [value], attributes: attributes)
        return Track(
            content: .encoded, features: [feature], value: try reshape(hot, to: [names.count]),
            dimensions: [names.count], columnNames: names.map { "\(feature)=\($0)" })
    }

    private func integerCategories(
        _ track: Track, _ places: [Int], _ data: TrainingRows
    ) throws(DataError) -> [[Int]] {
        var found = [Set<Int>](repeating: [], count: places.count)
        let width = track.width
        try data.forEachBatch(track, self) { values throws(DataError) in
            for row in stride(from: 0, to: values.count, by: width) {
                for (index, place) in places.enumerated() where !values[row + place].isNaN {
                    guard let integer = Int(exactly: values[row + place]) else {
                        throw DataError(.mismatch, "found the category \(values[row + place]), expected an integer")
                    }
                    found[index].insert(integer)
                }
            }
            guard found.allSatisfy({ $0.count <= Self.maximumCategories }) else {
                throw DataError(.tooLarge, "a feature has more than \(Self.maximumCategories) categories")
            }
        }
        for (place, categories) in zip(places, found) where categories.isEmpty {
            throw DataError(
                .tooFewRows,
                "the feature \(DataError.quoted(track.features[place])) has no values among the training rows")
        }
        return found.map { $0.sorted() }
    }
}
