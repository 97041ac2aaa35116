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

extension Sequence<UInt8> {
    /// The parts between the occurrences of ``Container/separator``, at most `count`; the last takes the rest.
    func parts(_ count: Int) -> [ArraySlice<UInt8>] {
        let bytes = Array(self)
        var result: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while result.count < count - 1, let range = rest.firstRange(of: Container.separator) {
            result.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return result + [rest]
    }
}

/// How several files or fields are one input: lines that mutation seldom destroys.
enum Container {
    static let separator = Array("\n%%%%\n".utf8)

    static func join(_ parts: [[UInt8]]) -> [UInt8] { Array(parts.joined(separator: separator)) }
}
