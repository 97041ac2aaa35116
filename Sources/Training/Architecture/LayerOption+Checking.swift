import JSONDocuments

extension LayerOption.Kind {
    /// What it may hold, for messages.
    var text: String {
        switch self {
        case .wholeNumber(let range): Setting.wholeNumberText(range)
        case .window(1): Setting.wholeNumberText(1...LayerTable.maximumExtent)
        case .window(let axes):
            "\(Setting.wholeNumberText(1...LayerTable.maximumExtent)), or \(axes) of them"
        case .margins(1): "a whole number from 0 to \(LayerTable.maximumExtent), or two of them"
        case .margins(let axes):
            "a whole number from 0 to \(LayerTable.maximumExtent), \(axes) of them, or \(axes) pairs of them"
        case .number(let range): range.text
        case .numbers: "a number, or one for each channel"
        case .bool: "true or false"
        case .choice(let names): "one of \(names.joined(separator: ", "))"
        case .activation: "an activation, one of \(LayerTable.activations.joined(separator: ", "))"
        case .initializer: "an initializer, one of \(WeightInitializer.names.joined(separator: ", "))"
        case .axis: "an axis from 1, or from -1 backwards"
        case .shape: "one to eight whole numbers from 1, of which one may be -1"
        case .permutation: "one to eight axes from 1"
        case .layer: "a layer"
        case .layers: "a list of layers"
        case .branches: "two or more lists of layers"
        case .projection: "a list of layers, or false"
        }
    }

    /// - Throws: ``JSONError`` with the path, what was found and what was expected.
    func check(_ cursor: JSONCursor) throws(JSONError) {
        switch self {
        case .wholeNumber(let range): _ = try Setting.wholeNumber(cursor, in: range)
        case .window(let axes): try checkList(cursor, [axes], 1...LayerTable.maximumExtent)
        case .margins(let axes): try checkMargins(cursor, axes)
        case .number(let range): _ = try Setting.number(cursor, in: range)
        case .numbers:
            guard case .array(let elements) = cursor.value else {
                _ = try Setting.number(cursor)
                return
            }
            guard (1...LayerTable.maximumExtent).contains(elements.count) else {
                throw Setting.mismatch(cursor, text)
            }
            for element in try cursor.elements() { _ = try Setting.number(element) }
        case .bool: _ = try Setting.bool(cursor)
        case .choice(let names): _ = try Setting.choice(cursor, of: names)
        case .activation: _ = try Setting.choice(cursor, of: LayerTable.activations, what: "an activation,")
        case .initializer: _ = try WeightInitializer(cursor)
        case .axis: _ = try Setting.wholeNumber(cursor, in: -8...8)
        case .shape:
            guard case .array(let elements) = cursor.value, (1...8).contains(elements.count) else {
                throw Setting.mismatch(cursor, text)
            }
            var isOpen = false
            for element in try cursor.elements() {
                let extent = try Setting.wholeNumber(element, in: -1...(1 << 28))
                guard extent > 0 || (extent == -1 && !isOpen) else { throw Setting.mismatch(cursor, text) }
                isOpen = isOpen || extent == -1
            }
        case .permutation:
            guard case .array(let elements) = cursor.value, (1...8).contains(elements.count) else {
                throw Setting.mismatch(cursor, text)
            }
            for element in try cursor.elements() { _ = try Setting.wholeNumber(element, in: 1...8) }
        case .projection:
            guard case .bool(false) = cursor.value else { throw Setting.mismatch(cursor, text) }
        case .layer, .layers, .branches: throw Setting.mismatch(cursor, text)
        }
    }

    /// One whole number, or a list of one of the given lengths.
    private func checkList(_ cursor: JSONCursor, _ counts: [Int], _ range: ClosedRange<Int>) throws(JSONError) {
        guard case .array(let elements) = cursor.value else {
            guard case .integer(let number) = cursor.value, range.contains(Int(number)) else {
                throw Setting.mismatch(cursor, text)
            }
            return
        }
        guard counts.contains(elements.count) else { throw Setting.mismatch(cursor, text) }
        for element in try cursor.elements() { _ = try Setting.wholeNumber(element, in: range) }
    }

    private func checkMargins(_ cursor: JSONCursor, _ axes: Int) throws(JSONError) {
        let range = 0...LayerTable.maximumExtent
        guard axes == 2, case .array(let elements) = cursor.value, elements.count == axes else {
            return try checkList(cursor, [2], range)
        }
        for element in try cursor.elements() {
            guard case .array(let pair) = element.value else {
                _ = try Setting.wholeNumber(element, in: range)
                continue
            }
            guard pair.count == 2 else { throw Setting.mismatch(element, "a pair of whole numbers") }
            for side in try element.elements() { _ = try Setting.wholeNumber(side, in: range) }
        }
    }
}
