import ArgumentParser
import JSONDocuments
import ModelFormats
import ModelRegistry

struct ModelsDiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two versions: signature, metadata, graph, weights.",
        discussion: """
            Weights are compared bit for bit; where they differ, the largest absolute difference and the largest distance in \
            units in the last place (ULP) are shown. Names, numbers, dates and digests of the versions are not compared. \
            Exits with 1 when something differs.

            EXAMPLES
              millrace models diff digits@1 digits@2
              millrace models diff digits@champion digits@candidate --output json
            """)

    @Argument(help: ArgumentHelp("A model or one of its versions.", valueName: "name[@version]"))
    var left: String

    @Argument(help: ArgumentHelp("Another.", valueName: "name[@version]"))
    var right: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let session = try registry.open()
        let catalog = try await session.state().catalog
        func version(_ text: String) throws -> ModelVersion {
            try catalog.resolve(ModelReference(parsing: text), includingRetired: true).version
        }
        let (left, right) = (try version(left), try version(right))
        let comparison = ModelComparison(try session.bundle(left.digest), try session.bundle(right.digest))
        format.print(comparison.document(left.identity, right.identity)) {
            comparison.text(left.identity, right.identity)
        }
        // What differs has been said.
        if !comparison.isEqual { throw ExitCode(ExitStatus.difference.rawValue) }
    }
}

extension ModelComparison {
    func text(_ left: ModelVersion.Identity, _ right: ModelVersion.Identity) -> String {
        if isEqual {
            return "\(left) and \(right) are the same: signature, metadata, graph and \(weights.count) weights"
        }
        var parts: [String] = []
        for (title, fields) in [("SIGNATURE", signature), ("METADATA", metadata), ("GRAPH NODE", nodes)]
        where !fields.isEmpty {
            var table = TextTable([(title, .left), ("\(left)", .left), ("\(right)", .left)])
            for field in fields { table.append(field.path, field.left ?? "-", field.right ?? "-") }
            parts.append(table.render())
        }
        var table = TextTable([
            ("WEIGHT", .left), ("\(left)", .left), ("\(right)", .left), ("DIFFERENT", .right), ("MAX ABS", .right),
            ("MAX ULP", .right),
        ])
        for weight in weights where !weight.isEqual {
            let comparison = weight.comparison
            table.append(
                weight.name, weight.left ?? "-", weight.right ?? "-",
                comparison.map { "\($0.differingCount) of \($0.elementCount)" } ?? "",
                comparison.map { NumberText.scientific($0.maximumAbsolute) } ?? "",
                comparison?.maximumULPs.map { "\($0)" } ?? "")
        }
        if !table.rows.isEmpty { parts.append(table.render()) }
        parts.append("\(weights.count(where: \.isEqual)) of \(weights.count) weights are equal bit for bit")
        return parts.joined(separator: "\n\n")
    }

    func document(_ left: ModelVersion.Identity, _ right: ModelVersion.Identity) -> JSONValue {
        func list(_ fields: [Field]) -> JSONValue {
            .array(
                fields.map {
                    .object([
                        "path": .string($0.path), "left": $0.left.map { .string($0) } ?? .null,
                        "right": $0.right.map { .string($0) } ?? .null,
                    ])
                })
        }
        let weights = weights.map { weight in
            var members: [String: JSONValue] = [
                "name": .string(weight.name), "equal": .bool(weight.isEqual),
                "left": weight.left.map { .string($0) } ?? .null, "right": weight.right.map { .string($0) } ?? .null,
            ]
            if let comparison = weight.comparison {
                members["elements"] = .integer(Int64(comparison.elementCount))
                members["different"] = .integer(Int64(comparison.differingCount))
                members["maximumAbsolute"] = .real(comparison.maximumAbsolute)
                members["maximumULPs"] = comparison.maximumULPs.map { .integer(Int64(clamping: $0)) } ?? .null
            }
            return JSONValue.object(members)
        }
        return .object([
            "left": .string("\(left)"), "right": .string("\(right)"), "equal": .bool(isEqual),
            "signature": list(signature), "metadata": list(metadata), "nodes": list(nodes), "weights": .array(weights),
        ])
    }
}
