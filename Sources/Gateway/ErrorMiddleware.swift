import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Answers every failure as the Open Inference Protocol does: `{"error": "<what went wrong>"}`.
struct ErrorMiddleware: RouterMiddleware {
    typealias Context = BasicRequestContext

    let routes: RouteTable
    let logger: Logger

    struct Failure: ResponseEncodable {
        let error: String
    }

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound && error.body == nil {
            return try Self.respond(routes.failure(for: request), to: request, context: context)
        } catch let error as HTTPError {
            return try Self.respond(error, to: request, context: context)
        } catch {
            // What an unexpected error says is for the operator, not for whoever asked.
            logger.error("request failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
            return try Self.respond(HTTPError(.internalServerError), to: request, context: context)
        }
    }

    static func respond(_ error: HTTPError, to request: Request, context: Context) throws -> Response {
        let failure = Failure(error: error.body ?? error.status.reasonPhrase)
        var response = try failure.response(from: request, context: context)
        response.status = error.status
        response.headers.append(contentsOf: error.headers)
        return response
    }
}
