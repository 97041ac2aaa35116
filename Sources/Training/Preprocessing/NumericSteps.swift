import TensorEngine

extension PipelineBuilder {
    /// Numeric columns and tensors; columns that stand for a category or a text only when they are asked for.
    private func numericTracks(_ columns: [String]?) throws(DataError) -> [(index: Int, places: [Int])] {
        try tracks(columns, suiting: "numeric") { track, kind in
            switch track.content {
            case .columns: kind == .number
            case .tensor: true
            case .encoded: columns != nil
            case .text, .tokens: false
            }
        }
    }

    /// Which group each number of a row is counted in, how many there are, and what their parameters' shape is.
    private func groups(
        _ track: Track, _ places: [Int], _ statistics: PreprocessingStep.Statistics
    ) throws(DataError) -> (groups: [Int], count: Int, shape: [Int]) {
        let width = track.width
        if track.content == .columns {
            var groups = [Int](repeating: -1, count: width)
            for place in places { groups[place] = place }
            return (groups, width, [width])
        }
        switch statistics {
        case .element: return (Array(0..<width), width, track.dimensions)
        case .all: return ([Int](repeating: 0, count: width), 1, [1])
        case .channel(let layout):
            guard track.dimensions.count == 3, let extents = layout.extents(track.dimensions) else {
                throw DataError(
                    .mismatch, "found a tensor of shape \(track.dimensions), expected three dimensions for channels")
            }
            let inner = layout == .channelsLast ? 1 : extents.height * extents.width
            let groups = (0..<width).map { $0 / inner % extents.channels }
            return (groups, extents.channels, layout == .channelsLast ? [extents.channels] : [extents.channels, 1, 1])
        }
    }

    private func statistics(
        _ track: Track, _ groups: [Int], _ count: Int, _ data: TrainingRows
    ) throws(DataError) -> GroupStatistics {
        var statistics = GroupStatistics(groupCount: count)
        try data.forEachBatch(track, self) { values throws(DataError) in statistics.add(values, groups: groups) }
        for group in Set(groups).sorted() where group >= 0 && statistics.counts[group] == 0 {
            let place = groups.firstIndex(of: group) ?? 0
            throw DataError(
                .tooFewRows,
                "the column \(DataError.quoted(track.columnNames[place])) has no values among the training rows")
        }
        return statistics
    }

    /// (x - center) / scale, in binary64: the centers of large numbers would not survive binary32.
    mutating func standardize(
        _ columns: [String]?, _ statistics: PreprocessingStep.Statistics, _ data: TrainingRows
    ) throws(DataError) {
        for (index, places) in try numericTracks(columns) {
            let track = tracks[index]
            let (groups, count, shape) = try groups(track, places, statistics)
            let found = try self.statistics(track, groups, count, data)
            // What is not asked for stays: minus 0, by 1.
            let isUsed = (0..<count).map { Set(groups).contains($0) }
            let centers = (0..<count).map { isUsed[$0] ? found.means[$0] : 0 }
            let scales = (0..<count).map { isUsed[$0] ? found.scale($0) : 1 }
            let wide = cast(track.value, to: .float64)
            let centered = add("Sub", [wide, try constant(centers, shape: shape)])
            let scaled = add("Div", [centered, try constant(scales, shape: shape)])
            tracks[index].value = cast(scaled, to: .float32)
        }
    }

    mutating func scaleToRange(
        _ columns: [String]?, _ statistics: PreprocessingStep.Statistics, lower: Double, upper: Double, clips: Bool,
        _ data: TrainingRows
    ) throws(DataError) {
        for (index, places) in try numericTracks(columns) {
            let track = tracks[index]
            let (groups, count, shape) = try groups(track, places, statistics)
            let found = try self.statistics(track, groups, count, data)
            let used = Set(groups)
            func parameters(_ value: (Int) -> Double, otherwise: Double) throws(DataError) -> String {
                try constant((0..<count).map { used.contains($0) ? value($0) : otherwise }, shape: shape)
            }
            let wide = cast(track.value, to: .float64)
            let moved = add("Sub", [wide, try parameters({ found.minima[$0] }, otherwise: 0)])
            let scaled = add("Mul", [moved, try parameters({ (upper - lower) / found.range($0) }, otherwise: 1)])
            var value = add("Add", [scaled, try parameters({ _ in lower }, otherwise: 0)])
            if clips {
                value = add("Min", [value, try parameters({ _ in upper }, otherwise: .infinity)])
                value = add("Max", [value, try parameters({ _ in lower }, otherwise: -.infinity)])
            }
            tracks[index].value = cast(value, to: .float32)
        }
    }

    mutating func rescale(_ columns: [String]?, scale: Double, offset: Double) throws(DataError) {
        for (index, places) in try numericTracks(columns) {
            let track = tracks[index]
            let width = track.content == .columns ? track.width : 1
            let used = Set(track.content == .columns ? places : [0])
            let scales = (0..<width).map { used.contains($0) ? Float(scale) : 1 }
            let offsets = (0..<width).map { used.contains($0) ? Float(offset) : 0 }
            let scaled = add("Mul", [track.value, try constant(scales, shape: [width])])
            tracks[index].value = add("Add", [scaled, try constant(offsets, shape: [width])])
        }
    }

    mutating func impute(
        _ columns: [String]?, _ imputation: PreprocessingStep.Imputation, _ data: TrainingRows
    ) throws(DataError) {
        let suiting = try tracks(columns, suiting: "to be imputed this way") { track, kind in
            switch (imputation, track.content) {
            case (.mean, .columns), (.median, .columns): kind == .number
            case (.mean, .tensor), (.median, .tensor), (.number, .tensor), (.mostFrequent, .tensor): true
            case (.number, .columns), (.mostFrequent, .columns): true
            case (.text, .text), (.mostFrequent, .text): kind == .category
            default: false
            }
        }
        for (index, places) in suiting {
            let track = tracks[index]
            guard track.content != .text else {
                let fill =
                    if case .text(let text) = imputation { text } else { try mostFrequentText(track, data) }
                let isMissing = add("Equal", [track.value, try strings([""])])
                tracks[index].value = add("Where", [isMissing, try strings([fill]), track.value])
                continue
            }
            let used = track.content == .columns ? places : Array(0..<track.width)
            var fills = [Float](repeating: .nan, count: track.width)
            for (place, fill) in zip(used, try self.fills(track, used, imputation, data)) { fills[place] = fill }
            let isMissing = add("IsNaN", [track.value])
            let fill = try constant(fills, shape: track.dimensions)
            tracks[index].value = add("Where", [isMissing, fill, track.value])
        }
    }

    private func fills(
        _ track: Track, _ places: [Int], _ imputation: PreprocessingStep.Imputation, _ data: TrainingRows
    ) throws(DataError) -> [Float] {
        switch imputation {
        case .text: throw DataError(.mismatch, "found a text to impute numbers with, expected a number")
        case .number(let number):
            guard Float(number).isFinite else {
                throw DataError(.mismatch, "found \(number), which binary32 does not hold")
            }
            return places.map { _ in Float(number) }
        case .mean:
            var groups = [Int](repeating: -1, count: track.width)
            for place in places { groups[place] = place }
            let found = try statistics(track, groups, track.width, data)
            return places.map { Float(found.means[$0]) }
        case .median:
            let medians = try ColumnMedians.find(places, width: track.width) { body throws(DataError) in
                try data.forEachBatch(track, self, body)
            }
            return try filled(medians, track, places) { Float($0) }
        case .mostFrequent: return try filled(try mostFrequentNumbers(track, places, data), track, places) { $0 }
        }
    }

    private func filled<Value>(
        _ values: [Value?], _ track: Track, _ places: [Int], _ convert: (Value) -> Float
    ) throws(DataError) -> [Float] {
        var result: [Float] = []
        for (place, value) in zip(places, values) {
            guard let value else {
                throw DataError(
                    .tooFewRows,
                    "the column \(DataError.quoted(track.columnNames[place])) has no values among the training rows")
            }
            result.append(convert(value))
        }
        return result
    }

    /// Values that are counted at one time, over all columns.
    private static let maximumDistinctValues = 1 << 22

    private func mostFrequentNumbers(
        _ track: Track, _ places: [Int], _ data: TrainingRows
    ) throws(DataError) -> [Float?] {
        var counts = [[Float: Int]](repeating: [:], count: places.count)
        var total = 0
        let width = track.width
        try data.forEachBatch(track, self) { values throws(DataError) in
            for row in stride(from: 0, to: values.count, by: width) {
                for (index, place) in places.enumerated() where !values[row + place].isNaN {
                    let count = counts[index][values[row + place], default: 0]
                    counts[index][values[row + place]] = count + 1
                    if count == 0 { total += 1 }
                }
            }
            guard total <= Self.maximumDistinctValues else {
                throw DataError(
                    .tooLarge, "found more than \(Self.maximumDistinctValues) different values to count")
            }
        }
        return counts.map { counts in
            counts.max { ($0.value, -$0.key) < ($1.value, -$1.key) }?.key
        }
    }
}
