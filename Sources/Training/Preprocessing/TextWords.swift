import TensorEngine

/// Texts as words, by the nodes that serving runs too.
enum TextWords {
    /// Follows every text, so that no text is without words (U+0003, "end of text").
    static let end: Character = "\u{3}"
}

extension PipelineBuilder {
    /// The words of a text [1, 1] as [n], ``TextWords/end`` the last of them.
    mutating func words(
        _ track: Track, _ options: PreprocessingStep.TextOptions
    ) throws(DataError) -> String {
        let ended = add("StringConcat", [track.value, try strings([" \(TextWords.end)"])])
        var value = try flat(add("StringSplit", [ended], outputs: 2)[0])
        for separator in options.separators {
            let parts = add("StringSplit", [value], attributes: ["delimiter": .string(String(separator))], outputs: 2)
            value = try flat(parts[0])
        }
        // What is between two separators, or beside one, is an empty word.
        return add(
            "StringNormalizer", [value],
            attributes: [
                "case_change_action": .string(options.lowercases ? "LOWER" : "NONE"),
                "is_case_sensitive": .int(options.lowercases ? 0 : 1), "stopwords": .strings([""] + options.stopWords),
            ])
    }

    private mutating func flat(_ value: String) throws(DataError) -> String {
        add("Reshape", [value, try constant([-1 as Int64], shape: [1])])
    }

    private mutating func textTrack(_ column: String) throws(DataError) -> Int {
        try tracks([column], suiting: "a text or category") { track, _ in track.content == .text }[0].index
    }

    /// Different words or n-grams that are counted at one time.
    private static let maximumDistinctTerms = 1 << 22

    /// In how many rows, and how often, each n-gram occurs.
    private func terms(
        _ words: String, longest: Int, _ data: TrainingRows
    ) throws(DataError) -> [[String]: (rows: Int, total: Int)] {
        var counts: [[String]: (rows: Int, total: Int)] = [:]
        try data.forEachText(words, self) { found throws(DataError) in
            let words = found.dropLast().map { $0 }
            var seen: Set<[String]> = []
            for length in 1...longest where words.count >= length {
                for start in 0...words.count - length {
                    let term = Array(words[start..<start + length])
                    let count = counts[term] ?? (0, 0)
                    counts[term] = (count.rows + (seen.insert(term).inserted ? 1 : 0), count.total + 1)
                }
            }
            guard counts.count <= Self.maximumDistinctTerms else {
                throw DataError(.tooLarge, "found more than \(Self.maximumDistinctTerms) different words")
            }
        }
        return counts
    }

    /// The most frequent terms first, ties by their bytes.
    private func vocabulary(
        _ terms: [[String]: (rows: Int, total: Int)], _ options: PreprocessingStep.TextOptions, maximum: Int,
        _ column: String
    ) throws(DataError) -> [[String]] {
        let known = terms.filter { $0.value.rows >= options.minimumRows }
        guard !known.isEmpty else {
            throw DataError(
                .tooFewRows, "no word of \(DataError.quoted(column)) is in \(options.minimumRows) of the training rows")
        }
        return known.sorted { left, right in
            left.value.total != right.value.total
                ? left.value.total > right.value.total : Self.precedes(left.key, right.key)
        }.prefix(maximum).map(\.key)
    }

    private static func precedes(_ left: [String], _ right: [String]) -> Bool {
        left.joined(separator: " ").utf8.lexicographicallyPrecedes(right.joined(separator: " ").utf8)
    }

    mutating func tokenIDs(
        _ column: String, _ text: PreprocessingStep.TextOptions, _ options: PreprocessingStep.TokenOptions,
        _ data: TrainingRows
    ) throws(DataError) {
        let index = try textTrack(column)
        let words = try words(tracks[index], text)
        let known = try vocabulary(
            try terms(words, longest: 1, data), text, maximum: options.maximumVocabulary - 2, column)
        let ids = add(
            "LabelEncoder", [words],
            attributes: [
                "keys_strings": .strings([String(TextWords.end)] + known.map { $0[0] }),
                "values_int64s": .ints([0] + known.indices.map { $0 + 2 }), "default_int64": .int(1),
            ])
        let length = options.length
        // Without the end of the text, cut to the length from one side, and padded to it on one.
        var value = try slice(ids, 0, -1)
        value =
            options.truncation == .end ? try slice(value, 0, length) : try slice(value, -length, Int(Int32.max))
        let padding = try constant([Int64](repeating: 0, count: length), shape: [length])
        if options.padding == .end {
            value = try slice(add("Concat", [value, padding], attributes: ["axis": .int(0)]), 0, length)
        } else {
            value = try slice(
                add("Concat", [padding, value], attributes: ["axis": .int(0)]), -length, Int(Int32.max))
        }
        // One row at a time: the engine runs graphs with StringSplit row by row.
        value = add("Reshape", [value, try constant([1, Int64(length)], shape: [2])])
        tracks[index] = Track(
            content: .tokens, features: [column], value: value, dimensions: [length],
            columnNames: (0..<length).map { "\(column)[\($0)]" })
    }

    private mutating func slice(_ value: String, _ start: Int, _ end: Int) throws(DataError) -> String {
        add(
            "Slice",
            [value, try constant([Int64(start)], shape: [1]), try constant([Int64(end)], shape: [1])])
    }

    mutating func bagOfWords(
        _ column: String, _ text: PreprocessingStep.TextOptions, _ options: PreprocessingStep.BagOptions,
        _ data: TrainingRows
    ) throws(DataError) {
        let index = try textTrack(column)
        let words = try words(tracks[index], text)
        let terms = try terms(words, longest: options.longest, data)
        // Columns in the order of the terms' bytes; the pool is sorted by length.
        let known = try vocabulary(terms, text, maximum: options.maximumFeatures, column).sorted(by: Self.precedes)
        let pool = (1...options.longest).map { length in known.indices.filter { known[$0].count == length } }
        var starts: [Int] = []
        var tokens: [String] = []
        for group in pool {
            starts.append(tokens.count)
            for term in group { tokens += known[term] }
        }
        var attributes: [String: AttributeValue] = [
            "mode": .string("TF"), "min_gram_length": .int(1), "max_gram_length": .int(options.longest),
            "max_skip_count": .int(0), "ngram_counts": .ints(starts), "ngram_indexes": .ints(pool.flatMap { $0 }),
            "pool_strings": .strings(tokens),
        ]
        switch options.weighting {
        case .count: break
        case .binary: attributes["mode"] = .string("IDF")
        case .tfIDF:
            attributes["mode"] = .string("TFIDF")
            let count = Double(data.rows.count)
            attributes["weights"] = .floats(
                pool.flatMap { $0 }.map { term in
                    Float(logarithm((1 + count) / (1 + Double(terms[known[term]]?.rows ?? 0))) + 1)
                })
        }
        var value = try reshapeRow(add("TfIdfVectorizer", [words], attributes: attributes), known.count)
        if options.normalizes { value = add("Normalizer", [value], attributes: ["norm": .string("L2")]) }
        tracks[index] = Track(
            content: .encoded, features: [column], value: value, dimensions: [known.count],
            columnNames: known.map { "\(column)=\($0.joined(separator: " "))" })
    }

    private mutating func reshapeRow(_ value: String, _ width: Int) throws(DataError) -> String {
        add("Reshape", [value, try constant([1, Int64(width)], shape: [2])])
    }
}
