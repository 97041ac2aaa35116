import Foundation
import Testing

/// Sends exact bytes to a port on loopback and returns everything that comes back until the server closes.
enum LoopbackClient {
    struct Answer {
        let status: Int
        let headers: [String: String]
        let body: String

        /// The body as JSON.
        func json() throws -> [String: any Sendable] {
            let value = try JSONSerialization.jsonObject(with: Data(body.utf8))
            return try #require(value as? [String: any Sendable])
        }
    }

    struct Failure: Error {
        let step: String
        let code: Int32
    }

    static func get(_ path: String, method: String = "GET", body: String? = nil, port: Int) async throws -> Answer {
        var request = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let body { request += "Content-Length: \(body.utf8.count)\r\n" }
        return try parse(try await exchange(request + "\r\n" + (body ?? ""), port: port))
    }

    /// Blocking calls on a thread of their own: the test's cooperative threads serve the gateway too.
    static func exchange(_ request: String, port: Int) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try blockingExchange(request, port: port) })
            }
        }
    }

    static func parse(_ text: String) throws -> Answer {
        let parts = text.components(separatedBy: "\r\n\r\n")
        let lines = parts[0].components(separatedBy: "\r\n")
        let status = try #require(Int(lines[0].split(separator: " ").dropFirst().first ?? ""))
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            headers[pair[0].lowercased()] = pair.last?.trimmingCharacters(in: .whitespaces)
        }
        return Answer(status: status, headers: headers, body: parts.dropFirst().joined(separator: "\r\n\r\n"))
    }

    private static func blockingExchange(_ request: String, port: Int) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        // A server that never answers fails the test instead of hanging it.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(step: "connect", code: errno) }
        let bytes = Array(request.utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Failure(step: "send", code: errno)
        }
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            // A reset after the answer is the server's way to refuse the rest of a request.
            guard count > 0 || count == 0 || !received.isEmpty else { throw Failure(step: "recv", code: errno) }
            if count <= 0 { return String(decoding: received, as: UTF8.self) }
            received += chunk.prefix(count)
        }
    }
}
