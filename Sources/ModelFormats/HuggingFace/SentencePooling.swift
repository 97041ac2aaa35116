import JSONDocuments

/// What sentence-transformers does behind the encoder, by `modules.json`.
struct SentencePooling {
    var mode = "mean"
    var normalizes = false
    /// Of a row of tokens, by `sentence_bert_config.json`.
    var maximumLength: Int?

    /// - Returns: nil for a folder without `modules.json`.
    init?(_ folder: HuggingFaceFolder) throws(ModelFormatError) {
        let file = "modules.json"
        guard let root = try folder.json(file) else { return nil }
        let path = "\(folder.path)/\(file)"
        let modules = try readingJSON(of: path) { () throws(JSONError) -> [(type: String, path: String)] in
            var modules: [(type: String, path: String)] = []
            for module in try root.elements() {
                let type = try module.member("type").string()
                modules.append(
                    (type.split(separator: ".").last.map(String.init) ?? type, try module.member("path").string()))
            }
            return modules
        }
        guard modules.map(\.type).starts(with: ["Transformer", "Pooling"]), modules.count <= 3,
            modules.count < 3 || modules[2].type == "Normalize", modules[0].path.isEmpty
        else {
            throw ModelFormatError(
                .unsupported, file: path,
                "found \(modules.map(\.type).joined(separator: ", ")); supported: Transformer in the folder itself, Pooling, "
                    + "and Normalize or nothing")
        }
        normalizes = modules.count == 3
        let name = try folder.checked(modules[1].path, in: file, at: "[1].path") + "/config.json"
        guard let pooling = try folder.json(name) else {
            throw ModelFormatError(.missing, file: "\(folder.path)/\(name)", "there is no such file")
        }
        mode = try readingJSON(of: "\(folder.path)/\(name)") { () throws(JSONError) -> String in
            try Self.mode(pooling)
        }
        if let settings = try folder.json("sentence_bert_config.json") {
            maximumLength = try readingJSON(of: "\(folder.path)/sentence_bert_config.json") {
                () throws(JSONError) -> Int? in
                try settings.optionalMember("max_seq_length")?.integer()
            }
        }
    }

    private static func mode(_ cursor: JSONCursor) throws(JSONError) -> String {
        let known = ["cls": "first", "mean": "mean", "mean_tokens": "mean", "max": "max"]
        // Newer versions write one name instead of a flag for each mode.
        if let name = try cursor.optionalMember("pooling_mode") {
            guard let mode = known[try name.string()] else {
                throw name.failure("found '\(try name.string())', supported: cls, mean, max")
            }
            return mode
        }
        var modes: [String] = []
        for (name, flag) in try cursor.members() where name.hasPrefix("pooling_mode_") {
            if try flag.bool() { modes.append(name) }
        }
        switch modes {
        case ["pooling_mode_cls_token"]: return "first"
        case ["pooling_mode_mean_tokens"]: return "mean"
        case ["pooling_mode_max_tokens"]: return "max"
        default:
            throw cursor.failure(
                "found \(modes.joined(separator: ", ")), supported is one of pooling_mode_cls_token, "
                    + "pooling_mode_mean_tokens, pooling_mode_max_tokens")
        }
    }
}
