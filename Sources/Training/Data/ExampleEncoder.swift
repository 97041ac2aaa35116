import Crypto
import JSONDocuments

/// Checks examples against a schema and makes rows of them: labels become numbers, classes are numbered, the digest
/// grows.
struct ExampleEncoder {
    let schema: DatasetSchema
    let limits: DataLimits
    private(set) var rowCount = 0
    private var hash = SHA256()
    /// The number of each class in the order of first appearance, or of the schema.
    private var codes: [String: Int] = [:]
    private var names: [String] = []
    private let classesAreGiven: Bool
    /// Where a row's integer categories are.
    private let integerPlaces: [Int]

    /// Beyond, binary32 does not tell integers apart.
    static let largestInteger: Float = 16_777_216

    init(_ schema: DatasetSchema, limits: DataLimits) {
        self.schema = schema
        self.limits = limits
        if case .classes(let given?)? = schema.label?.kind {
            names = given
            for (code, name) in given.enumerated() { codes[name] = code }
            classesAreGiven = true
        } else {
            classesAreGiven = false
        }
        var (places, start): ([Int], Int) = ([], 0)
        for feature in schema.features {
            if feature.kind == .integerCategory { places.append(start) }
            start += feature.kind.numberCount
        }
        integerPlaces = places
        hash.update(data: schema.json.serialized())
    }

    /// The name of a class by its number in the rows.
    func className(_ code: Int) -> String { names[code] }

    /// The numbers of the example's label.
    /// - Throws: ``DataError`` at the example's provenance, without having taken it.
    mutating func encode(_ example: Example) throws(DataError) -> [Float] {
        do throws(DataError) {
            guard rowCount < limits.maximumRows else {
                throw DataError(.tooLarge, "found more than \(limits.maximumRows) rows")
            }
            try check(example)
            let label = try label(example.label)
            update(example, label)
            rowCount += 1
            return label
        } catch {
            throw error.inside(example.provenance.description)
        }
    }

    private func check(_ example: Example) throws(DataError) {
        guard example.numbers.count == schema.numberCount, example.texts.count == schema.textCount else {
            throw DataError(
                .mismatch,
                "found \(example.numbers.count) numbers and \(example.texts.count) texts, expected "
                    + "\(schema.numberCount) and \(schema.textCount)")
        }
        if let place = example.numbers.firstIndex(where: \.isInfinite) {
            throw DataError(
                .mismatch, at: schema.name(ofNumber: place), "found \(example.numbers[place]), expected a finite number"
            )
        }
        for place in integerPlaces where !example.numbers[place].isNaN {
            let number = example.numbers[place]
            guard number == number.rounded(), abs(number) <= Self.largestInteger else {
                throw DataError(
                    .mismatch, at: schema.name(ofNumber: place),
                    "found \(number), expected an integer of at most 24 bits")
            }
        }
        guard example.weight.isFinite, example.weight >= 0 else {
            throw DataError(
                .mismatch, at: schema.weight ?? "weight", "found \(example.weight), expected a number of at least 0")
        }
        let bytes = example.texts.reduce(4 * example.numbers.count) { $0 + $1.utf8.count }
        guard bytes <= limits.maximumRecordBytes else {
            throw DataError(.tooLarge, "found \(bytes) bytes, at most \(limits.maximumRecordBytes) are allowed")
        }
    }

    private mutating func label(_ label: Example.Label) throws(DataError) -> [Float] {
        guard let expected = schema.label else {
            guard label == .none else { throw DataError(.mismatch, "found a label, expected none") }
            return []
        }
        let place = expected.names.count == 1 ? expected.names[0] : "label"
        switch (expected.kind, label) {
        case (.classIndex(let count), .index(let index)):
            guard (0..<count).contains(index) else {
                throw DataError(.mismatch, at: place, "found the class \(index), expected 0 to \(count - 1)")
            }
            return [Float(index)]
        case (.classIndex, .name(let name)):
            guard let index = Int(name) else {
                throw DataError(.mismatch, at: place, "found \(DataError.quoted(name)), expected a class's index")
            }
            return try self.label(.index(index))
        case (.classes, .index(let index)): return [Float(try code(String(index), place))]
        case (.classes, .name(let name)): return [Float(try code(name, place))]
        case (.numbers, .numbers(let numbers)):
            guard numbers.count == expected.names.count else {
                throw DataError(
                    .mismatch, at: place, "found \(numbers.count) numbers, expected \(expected.names.count)")
            }
            guard let wrong = numbers.first(where: { !$0.isFinite }) else { return numbers }
            throw DataError(.mismatch, at: place, "found \(wrong), expected a finite number")
        case (_, .none): throw DataError(.missing, at: place, "found no label, expected one")
        case (.numbers, _): throw DataError(.mismatch, at: place, "found a class, expected a number")
        case (_, .numbers): throw DataError(.mismatch, at: place, "found a number, expected a class")
        }
    }

    private mutating func code(_ name: String, _ place: String) throws(DataError) -> Int {
        if let code = codes[name] { return code }
        guard !classesAreGiven else {
            let hint = NearestName.nearest(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
            throw DataError(
                .mismatch, at: place,
                "found \(DataError.quoted(name)), expected one of the \(names.count) classes\(hint)")
        }
        guard !name.isEmpty else { throw DataError(.missing, at: place, "found no label, expected one") }
        guard names.count < limits.maximumClasses else {
            throw DataError(.tooLarge, at: place, "found more than \(limits.maximumClasses) classes")
        }
        codes[name] = names.count
        names.append(name)
        return names.count - 1
    }

    /// The row in a form that depends on nothing else: little-endian binary32, every NaN the same.
    private mutating func update(_ example: Example, _ label: [Float]) {
        func bits(_ number: Float) -> UInt32 { (number.isNaN ? 0x7fc0_0000 : number.bitPattern).littleEndian }
        let (partition, offset) = example.provenance.fields
        let words = example.numbers.map(bits) + label.map(bits) + [bits(example.weight)]
        words.withUnsafeBytes { hash.update(bufferPointer: $0) }
        withUnsafeBytes(of: partition.littleEndian) { hash.update(bufferPointer: $0) }
        withUnsafeBytes(of: offset.littleEndian) { hash.update(bufferPointer: $0) }
        for text in example.texts {
            withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { hash.update(bufferPointer: $0) }
            var text = text
            text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        }
    }

    /// The schema with its classes, what each class's number in the rows becomes, and the digest.
    ///
    /// Classes that the data named are sorted: by value when all are integers, else by their bytes.
    /// - Throws: ``DataError`` when fewer than two were found.
    func finish() throws(DataError) -> (schema: DatasetSchema, ranks: [Int]?, digest: String) {
        var hash = hash
        for name in names { hash.update(data: Array(name.utf8) + [0]) }
        let digest = SHA256.text(hash.finalize())
        guard case .classes(nil)? = schema.label?.kind else { return (schema, nil, digest) }
        guard names.count >= 2 else {
            throw DataError(
                .tooFewRows, at: schema.label?.names.first ?? "label",
                "found \(names.count) classes, expected at least 2")
        }
        let order = Self.order(names)
        var ranks = [Int](repeating: 0, count: names.count)
        for (rank, code) in order.enumerated() { ranks[code] = rank }
        var complete = schema
        complete.label?.kind = .classes(order.map { names[$0] })
        return (complete, ranks, digest)
    }

    static func order(_ names: [String]) -> [Int] {
        let numbers = names.compactMap { Int($0) }
        if numbers.count == names.count { return names.indices.sorted { (numbers[$0], $0) < (numbers[$1], $1) } }
        return names.indices.sorted { names[$0].utf8.lexicographicallyPrecedes(names[$1].utf8) }
    }
}

extension SHA256 {
    /// A digest in lower-case hexadecimal.
    static func text(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

extension DatasetSchema {
    /// What a number of a row is called: its feature, and its place in a tensor.
    func name(ofNumber place: Int) -> String {
        var start = 0
        for feature in features {
            let count = feature.kind.numberCount
            if place < start + count {
                guard case .tensor = feature.kind else { return feature.name }
                return "\(feature.name)[\(place - start)]"
            }
            start += count
        }
        return "number \(place)"
    }
}
