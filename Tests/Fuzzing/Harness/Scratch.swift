import Glibc

/// A folder in memory for the files of the input being run.
enum Scratch {
    static let path: String = {
        var template = Array("/dev/shm/millrace-fuzz-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        guard made else { failed("no folder in /dev/shm") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    /// Writes `bytes` as a new file: what still maps the one before keeps it.
    static func write(_ bytes: some Sequence<UInt8>, to name: String) -> String {
        let file = "\(path)/\(name)"
        unlink(file)
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { failed("cannot write \(file)") }
        defer { close(descriptor) }
        let content = Array(bytes)
        guard Glibc.write(descriptor, content, content.count) == content.count else { failed("cannot write \(file)") }
        return file
    }

    static func makeFolder(_ name: String) { mkdir("\(path)/\(name)", 0o700) }

    static func removeFolder(_ name: String) {
        for file in ["manifest.json", "graph.json", "weights.safetensors"] { unlink("\(path)/\(name)/\(file)") }
        rmdir("\(path)/\(name)")
    }
}

/// Ends the run as a crash does, so that libFuzzer keeps the input.
func failed(_ property: String) -> Never {
    fatalError("property violated: \(property)")
}

/// Checks a property of the code under test.
func require(_ condition: Bool, _ property: @autoclosure () -> String) {
    if !condition { failed(property()) }
}

extension Collection<UInt8> {
    /// The parts between the occurrences of ``Container/separator``, at most `count`; the last takes the rest.
    func parts(_ count: Int) -> [ArraySlice<UInt8>] {
        let bytes = Array(self)
        var result: [ArraySlice<UInt8>] = []
        var start = 0
        while result.count < count - 1, let end = Container.separator(in: bytes, from: start) {
            result.append(bytes[start..<end])
            start = end + Container.separator.count
        }
        return result + [bytes[start...]]
    }
}

/// How several files or fields are one input: lines that mutation seldom destroys.
enum Container {
    static let separator = Array("\n%%%%\n".utf8)

    /// Where the next separator begins.
    static func separator(in bytes: [UInt8], from start: Int) -> Int? {
        // Written out: the generic search takes longer than many an input.
        bytes.withUnsafeBufferPointer { bytes in
            let last = bytes.count - separator.count
            guard start <= last else { return nil }
            for position in start...last where bytes[position] == separator[0] {
                if bytes[position...].starts(with: separator) { return position }
            }
            return nil
        }
    }

    static func join(_ parts: [[UInt8]]) -> [UInt8] { Array(parts.joined(separator: separator)) }
}
