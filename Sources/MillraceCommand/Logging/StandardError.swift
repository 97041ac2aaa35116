import Glibc

/// The process's standard error.
enum StandardError {
    /// Writes the whole text, in one system call when the system takes it at once, so that lines of concurrent writers
    /// do not mix. A write that fails is dropped: there is nowhere left to say so.
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            var rest = UnsafeRawBufferPointer(utf8)
            while !rest.isEmpty {
                let written = Glibc.write(STDERR_FILENO, rest.baseAddress, rest.count)
                if written > 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}
