import Glibc

/// Reads records of comma-separated values one by one, in bounded memory (RFC 4180: quoted fields may hold delimiters,
/// doubled quotes and line breaks; lines end with CRLF or LF; a byte-order mark is skipped, and so are empty lines).
final class CSVReader {
    let path: String
    private let delimiter: UInt8
    private let maximumRecordBytes: Int
    private let descriptor: Int32
    private var chunk: [UInt8]
    private var position = 0
    private var end = 0
    /// The line that the next byte is on, from 1.
    private var line = 1
    /// The fields' bytes, each followed by a zero, so that the system's number parsers can read them in place.
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    /// The line that the record begins on, from 1.
    private(set) var recordLine = 1

    init(_ path: String, delimiter: UInt8, maximumRecordBytes: Int, chunkSize: Int = 1 << 18) throws(DataError) {
        self.path = path
        self.delimiter = delimiter
        self.maximumRecordBytes = maximumRecordBytes
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DataError(.unreadable, file: path, code: errno) }
        chunk = [UInt8](repeating: 0, count: max(chunkSize, 1))
        for byte in [0xEF, 0xBB, 0xBF] as [UInt8] {
            guard try peek() == byte else {
                guard byte == 0xEF else { throw failure(line, "the byte-order mark is cut off") }
                break
            }
            position += 1
        }
    }

    deinit { close(descriptor) }

    var fieldCount: Int { ends.count }

    /// A field's text.
    func text(_ field: Int) -> String {
        String(decoding: bytes[start(field)..<ends[field]], as: UTF8.self)
    }

    func isEmpty(_ field: Int) -> Bool { start(field) == ends[field] }

    /// A field as a number in decimal notation, spaces around it; nil for anything else.
    func number(_ field: Int) -> Float? {
        var (first, last) = (start(field), ends[field])
        while first < last, bytes[first] == 0x20 { first += 1 }
        while last > first, bytes[last - 1] == 0x20 { last -= 1 }
        return bytes.withUnsafeBufferPointer { NumberText.parse(UnsafeBufferPointer(rebasing: $0[first..<last])) }
    }

    private func start(_ field: Int) -> Int { field == 0 ? 0 : ends[field - 1] + 1 }

    /// Reads the next record; false at the end.
    /// - Throws: ``DataError`` naming the line. The reader cannot go on after it.
    func next() throws(DataError) -> Bool {
        while true {
            bytes.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
            recordLine = line
            guard try peek() != nil else { return false }
            var wasQuoted = false
            if try !readPlainLine() { while try readField(&wasQuoted) {} }
            if ends.count > 1 || wasQuoted || !isEmpty(0) { return true }
        }
    }

    /// Reads a whole record at once when it is a line without quotes that lies in what was read; else false, and
    /// nothing is read.
    private func readPlainLine() throws(DataError) -> Bool {
        let (first, limit, delimiter) = (position, end, delimiter)
        let length = chunk.withUnsafeBufferPointer { chunk -> Int? in
            guard let start = chunk.baseAddress.map({ $0 + first }),
                let newline = memchr(start, Int32(UInt8(ascii: "\n")), limit - first)
            else { return nil }
            let length = UnsafeRawPointer(newline) - UnsafeRawPointer(start)
            guard memchr(start, Int32(UInt8(ascii: "\"")), length) == nil else { return nil }
            guard let carriage = memchr(start, Int32(UInt8(ascii: "\r")), length) else { return length }
            return UnsafeRawPointer(carriage) - UnsafeRawPointer(start) == length - 1 ? length : nil
        }
        guard let length else { return false }
        try checkLength(length)
        let isCarriage = length > 0 && chunk[first + length - 1] == UInt8(ascii: "\r")
        bytes.append(contentsOf: chunk[first..<first + length - (isCarriage ? 1 : 0)])
        bytes.append(0)
        var ends: [Int] = []
        swap(&ends, &self.ends)
        bytes.withUnsafeMutableBufferPointer { bytes in
            for index in bytes.indices.dropLast() where bytes[index] == delimiter {
                bytes[index] = 0
                ends.append(index)
            }
            ends.append(bytes.count - 1)
        }
        swap(&ends, &self.ends)
        position = first + length + 1
        line += 1
        return true
    }

    /// Reads one field with what ends it; false when that ended the record.
    private func readField(_ wasQuoted: inout Bool) throws(DataError) -> Bool {
        if try peek() == UInt8(ascii: "\"") {
            wasQuoted = true
            try readQuoted()
        } else {
            try readUnquoted()
        }
        ends.append(bytes.count)
        bytes.append(0)
        switch try peek() {
        case delimiter?:
            position += 1
            return true
        case UInt8(ascii: "\r")?:
            position += 1
            guard try peek() == UInt8(ascii: "\n") else {
                throw failure(line, "found a carriage return without a line feed")
            }
            fallthrough
        case UInt8(ascii: "\n")?:
            position += 1
            line += 1
            return false
        case nil: return false
        case let byte?:
            throw failure(
                line,
                "found \(DataError.quoted(String(decoding: [byte], as: UTF8.self))) after a closing quote, expected "
                    + "the delimiter or the line's end")
        }
    }

    /// Copies up to what ends the field, as much at a time as was read.
    private func readUnquoted() throws(DataError) {
        while let next = try peek() {
            if isSpecial(next) { break }
            let stop = chunk.withUnsafeBufferPointer { chunk in
                var index = position
                while index < end, !isSpecial(chunk[index]) { index += 1 }
                return index
            }
            try checkLength(stop - position)
            bytes.append(contentsOf: chunk[position..<stop])
            position = stop
        }
        if try peek() == UInt8(ascii: "\"") { throw failure(line, "found a quote inside of an unquoted field") }
    }

    private func isSpecial(_ byte: UInt8) -> Bool {
        byte == delimiter || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\"")
    }

    private func readQuoted() throws(DataError) {
        let opened = line
        position += 1
        while true {
            guard let byte = try peek() else { throw failure(opened, "a quoted field has no end") }
            if byte == UInt8(ascii: "\"") {
                position += 1
                guard try peek() == UInt8(ascii: "\"") else { return }
            }
            if byte == UInt8(ascii: "\n") { line += 1 }
            try append(byte)
        }
    }

    private func append(_ byte: UInt8) throws(DataError) {
        try checkLength(1)
        bytes.append(byte)
        position += 1
    }

    private func checkLength(_ count: Int) throws(DataError) {
        guard bytes.count + count <= maximumRecordBytes else {
            throw DataError(
                .tooLarge, at: "\(path): line \(recordLine)",
                "the record has more than the \(maximumRecordBytes) bytes that are allowed")
        }
    }

    /// The next byte, nil at the end.
    private func peek() throws(DataError) -> UInt8? {
        if position < end { return chunk[position] }
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw DataError(.unreadable, file: path, code: errno) }
            (position, end) = (0, count)
            return count == 0 ? nil : chunk[0]
        }
    }

    private func failure(_ line: Int, _ message: String) -> DataError {
        DataError(.broken, at: "\(path): line \(line)", message)
    }
}
