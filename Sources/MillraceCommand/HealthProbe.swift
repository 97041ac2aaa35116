import Glibc

/// One HTTP GET over a blocking socket: enough for a health check, and it pulls no client library into the start of a
/// process that runs every few seconds.
enum HealthProbe {
    /// Where to ask.
    struct Target: Equatable {
        let host: String
        let port: UInt16
        let path: String

        /// `http://host[:port][/path]`, IPv6 addresses in brackets; nil for anything else.
        init?(url: String) {
            let scheme = "http://"
            // A line break in the path would smuggle a second request.
            guard url.hasPrefix(scheme), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
            let rest = url.dropFirst(scheme.count)
            let authority = rest.prefix { $0 != "/" }
            let tail = rest.dropFirst(authority.count)
            path = tail.isEmpty ? "/" : String(tail)
            var name = authority
            var number: Substring = "80"
            if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
                name = authority[..<colon]
                number = authority[authority.index(after: colon)...]
            }
            if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
            guard !name.isEmpty, !name.contains("@"), let port = UInt16(number), port > 0 else { return nil }
            host = String(name)
            self.port = port
        }
    }

    struct Answer: Equatable {
        let status: Int
        let body: String
    }

    struct Failure: Error, Equatable {
        let reason: String
    }

    /// A health answer is far smaller; more is not read.
    private static let maximumBytes = 1 << 20

    /// Blocks the calling thread for at most about `timeout`.
    static func ask(_ target: Target, timeout: Duration) throws(Failure) -> Answer {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        let socket = try connect(target, deadline: deadline)
        defer { close(socket) }
        let host = target.host.contains(":") ? "[\(target.host)]" : target.host
        try send("GET \(target.path) HTTP/1.1\r\nHost: \(host):\(target.port)\r\nConnection: close\r\n\r\n", to: socket)
        return try answer(from: try receive(from: socket, deadline: deadline))
    }

    /// Reads status and body out of a whole HTTP/1.x answer.
    static func answer(from bytes: [UInt8]) throws(Failure) -> Answer {
        let text = String(decoding: bytes, as: UTF8.self)
        let statusLine = text.prefix { !$0.isNewline }.split(separator: " ")
        guard statusLine.count >= 2, statusLine[0].hasPrefix("HTTP/1."), let status = Int(statusLine[1]) else {
            throw Failure(reason: "the answer is no HTTP")
        }
        let body = text.firstRange(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? ""
        return Answer(status: status, body: body)
    }

    private static func connect(_ target: Target, deadline: ContinuousClock.Instant) throws(Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(target.host, String(target.port), &hints, &list)
        guard status == 0, let list else { throw Failure(reason: "cannot resolve \(target.host)") }
        defer { freeaddrinfo(list) }
        var reason = "no address"
        var entry: UnsafeMutablePointer<addrinfo>? = list
        while let info = entry?.pointee {
            let descriptor = socket(info.ai_family, info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), info.ai_protocol)
            if descriptor >= 0 {
                limit(descriptor, until: deadline)
                // SO_SNDTIMEO bounds connect as well (socket(7)).
                if Glibc.connect(descriptor, info.ai_addr, info.ai_addrlen) == 0 { return descriptor }
                reason = describe(errno)
                close(descriptor)
            }
            entry = info.ai_next
        }
        throw Failure(reason: reason)
    }

    private static func send(_ request: String, to descriptor: Int32) throws(Failure) {
        var rest = Array(request.utf8)[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            // A socket with a time limit does not go on by itself after a signal (signal(7)).
            if sent < 0, errno == EINTR { continue }
            guard sent > 0 else { throw Failure(reason: describe(errno)) }
            rest = rest.dropFirst(sent)
        }
    }

    private static func receive(from descriptor: Int32, deadline: ContinuousClock.Instant) throws(Failure) -> [UInt8] {
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while received.count < maximumBytes {
            limit(descriptor, until: deadline)
            let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count < 0, errno == EINTR {
                guard ContinuousClock.now < deadline else { throw Failure(reason: describe(EAGAIN)) }
                continue
            }
            guard count >= 0 else { throw Failure(reason: describe(errno)) }
            if count == 0 { break }
            received += chunk.prefix(count)
        }
        return received
    }

    /// Gives the socket's next call what is left of the time; a time of zero would mean no limit.
    private static func limit(_ descriptor: Int32, until deadline: ContinuousClock.Instant) {
        let left = max(ContinuousClock.now.duration(to: deadline), .milliseconds(1))
        var time = timeval(
            tv_sec: Int(left.components.seconds), tv_usec: Int(left.components.attoseconds / 1_000_000_000_000))
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
    }

    private static func describe(_ code: Int32) -> String {
        switch code {
        case EAGAIN, EINPROGRESS, ETIMEDOUT: "no answer in time"
        case ECONNREFUSED: "connection refused"
        default: "socket error \(code)"
        }
    }
}
