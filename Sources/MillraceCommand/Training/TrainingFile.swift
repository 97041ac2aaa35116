import JSONDocuments
import Serving
import Training

/// A training request as a command line names it.
enum TrainingFile {
    static let maximumBytes = 64 << 20

    /// - Parameters:
    ///   - path: - for standard input.
    ///   - dataset: a file to take the rows from in place of the request's source.
    /// - Throws: ``CommandFailure`` with the file, and the place in it.
    static func request(_ path: String, dataset: String? = nil) throws -> TrainingRequest {
        let name = path == "-" ? "standard input" : path
        let bytes = try InputFile.read(path, limit: maximumBytes)
        do throws(JSONError) {
            var value = try JSONValue(parsing: bytes)
            if let dataset { value = try replacing(dataset, in: value) }
            let request = try TrainingRequest(value)
            try request.checkReferences()
            return request
        } catch {
            throw CommandFailure(.usage, "\(name): \(error)")
        }
    }

    /// The members of a dataset that say where its rows come from.
    private static let sources: Set = ["topic", "partitions", "from", "to", "csv", "json_lines", "npz", "rows"]

    /// The request with another source; schema, options and what becomes of bad rows stay.
    static func replacing(_ file: String, in request: JSONValue) throws(JSONError) -> JSONValue {
        guard case .object(var members) = request else { throw JSONCursor(request).mismatch("object") }
        let cursor = try JSONCursor(request).member("dataset")
        guard case .object(var dataset) = cursor.value else { throw cursor.mismatch("object") }
        let kind: String
        switch file.split(separator: "/").last?.split(separator: ".").last?.lowercased() {
        case "csv": kind = "csv"
        case "jsonl", "ndjson": kind = "json_lines"
        case "npz": kind = "npz"
        default:
            throw cursor.failure("found the file \"\(file)\", expected one that ends in .csv, .jsonl, .ndjson or .npz")
        }
        for name in sources { dataset[name] = nil }
        if kind != "csv" { dataset["csv_options"] = nil }
        dataset[kind] = .string(file)
        members["dataset"] = .object(dataset)
        return .object(members)
    }
}
