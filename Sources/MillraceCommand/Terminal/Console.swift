import Glibc

/// Writes to the process's standard streams, unbuffered; a closed pipe is no error.
enum Console {
    static func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
    static func printError(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    static func write(_ bytes: [UInt8], to descriptor: Int32 = STDOUT_FILENO) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }

    static func write(_ text: String, to descriptor: Int32) { write(Array(text.utf8), to: descriptor) }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }
}
