import Glibc

/// The name of this host, the default instance id.
enum HostName {
    /// nil when the system gives none that can be part of a transactional id.
    static func current() -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return nil }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return (try? ConfigurationValueType.identifier.parse(.scalar(name))) ?? nil
    }
}
