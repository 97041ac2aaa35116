import HTTPTypes
import Hummingbird
import NIOCore

/// Reads the request's body into memory before its handler runs, up to a size and within a time, so that no handler and
/// no unread remainder of a request can grow without limit.
struct BodyLimitMiddleware: RouterMiddleware {
    typealias Context = BasicRequestContext

    let maximumBytes: Int
    let timeout: Duration

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let declared = request.headers[.contentLength].flatMap { Int($0) }
        if let declared, declared > maximumBytes { throw tooLarge(found: "\(declared) bytes") }
        guard declared ?? 0 > 0 || request.headers[.transferEncoding] != nil else {
            return try await next(request, context)
        }
        var request = request
        request.body = RequestBody(buffer: try await collect(request.body))
        return try await next(request, context)
    }

    private func collect(_ body: RequestBody) async throws -> ByteBuffer {
        let (maximumBytes, timeout) = (maximumBytes, timeout)
        return try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
            group.addTask {
                do {
                    return try await body.collect(upTo: maximumBytes)
                } catch is NIOTooManyBytesError {
                    throw tooLarge(found: "more")
                }
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let buffer = first else {
                throw HTTPError(.requestTimeout, message: "the request's body was not complete after \(timeout)")
            }
            return buffer
        }
    }

    private func tooLarge(found: String) -> HTTPError {
        HTTPError(.contentTooLarge, message: "found \(found) of request body, expected at most \(maximumBytes) bytes")
    }
}
