import HTTPTypes
import Hummingbird

/// Which methods each path takes: the router answers 404 for an unknown path and for an unknown method alike.
struct RouteTable: Sendable {
    private let routes: [(path: RouterPath, method: HTTPRequest.Method)]

    init(_ routes: [Router<BasicRequestContext>.RouteDescription]) {
        self.routes = routes.map { ($0.path, $0.method) }
    }

    /// The methods that `path` takes, sorted by name; empty when there is no such path.
    func methods(for path: String) -> [HTTPRequest.Method] {
        let components = path.split(separator: "/")
        return routes.lazy.filter { Self.matches($0.path, components) }.map(\.method)
            .sorted { $0.rawValue < $1.rawValue }
    }

    /// What to answer a request that no route took: 405 with the methods of its path, or 404.
    func failure(for request: Request) -> HTTPError {
        let path = request.uri.path
        let methods = methods(for: path)
        guard !methods.isEmpty else {
            return HTTPError(.notFound, message: "no such path: \(path.prefix(200))")
        }
        let allowed = methods.map(\.rawValue).joined(separator: ", ")
        return HTTPError(
            .methodNotAllowed, headers: [.allow: allowed],
            message: "found method \(request.method.rawValue.prefix(40)), expected \(allowed)")
    }

    /// Component by component; the gateway's routes use no recursive wildcard.
    private static func matches(_ path: RouterPath, _ components: [Substring]) -> Bool {
        guard path.components.count == components.count else { return false }
        return zip(path.components, components).allSatisfy { pattern, component in pattern ~= component }
    }
}
