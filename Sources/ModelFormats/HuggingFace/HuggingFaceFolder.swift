import Glibc
import JSONDocuments

/// A folder as `save_pretrained` writes it. Nothing outside of it is opened: names that come from its own files must be plain
/// file names.
struct HuggingFaceFolder {
    let path: String
    let limits: ModelFormatLimits

    func has(_ name: String) -> Bool { access("\(path)/\(name)", F_OK) == 0 }

    func bytes(_ name: String) throws(ModelFormatError) -> MappedFile {
        try MappedFile("\(path)/\(name)", limits: limits)
    }

    /// - Returns: nil when there is no such file.
    func json(_ name: String) throws(ModelFormatError) -> JSONCursor? {
        guard has(name) else { return nil }
        let file = try bytes(name)
        // A vocabulary is a quarter of a million numbers, its merges three times as many values.
        var json = JSONLimits(maximumBytes: limits.maximumJSONBytes, maximumDepth: 64, maximumValues: 8_000_000)
        json.keepsNormalForms = true
        return try readingJSON(of: file.path) { () throws(JSONError) -> JSONCursor in
            JSONCursor(try JSONValue(parsing: file.bytes, limits: json))
        }
    }

    /// A name that a file of the folder gives for another one.
    func checked(_ name: String, in file: String, at place: String) throws(ModelFormatError) -> String {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0)
        else {
            throw ModelFormatError(
                .malformed, file: "\(path)/\(file)", at: place, "found '\(name)', expected a name in the same folder")
        }
        return name
    }
}
