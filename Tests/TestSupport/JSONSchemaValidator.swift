public import Foundation

/// Checks JSON documents against the JSON Schemas in `schemas/`, with Python's `jsonschema` package.
///
/// The interpreter is `MILLRACE_PYTHON`, else `.venv/bin/python` in the package, else `python3`. One process checks the
/// whole batch. Without the package the validator throws: a test must not pass because nothing was checked.
public struct JSONSchemaValidator {
    public struct Document {
        /// The schema's file name in `schemas/`.
        public var schema: String
        /// How messages call the document.
        public var name: String
        public var json: [UInt8]

        public init(schema: String, name: String, json: [UInt8]) {
            self.schema = schema
            self.name = name
            self.json = json
        }
    }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// The root of the package that this file belongs to.
    public static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    public static let schemas = packageRoot.appendingPathComponent("schemas")

    /// One line a violation, `name: path: message`; empty when every document is valid. The `examples` inside the schemas
    /// used are checked along with the documents, and so are the schemas.
    /// - Throws: ``Failure`` when Python or its `jsonschema` package is missing.
    public static func violations(in documents: [Document]) throws -> [String] {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("schemas-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        var list: [[String: String]] = []
        for (index, document) in documents.enumerated() {
            let file = directory.appendingPathComponent("\(index).json")
            try Data(document.json).write(to: file)
            list.append(["schema": document.schema, "name": document.name, "file": file.path])
        }
        let listFile = directory.appendingPathComponent("documents.json")
        try JSONEncoder().encode(list).write(to: listFile)
        let scriptFile = directory.appendingPathComponent("validate.py")
        try Data(script.utf8).write(to: scriptFile)

        let (status, output) = try run([scriptFile.path, schemas.path, listFile.path])
        switch status {
        case 0: return output.split(separator: "\n").map(String.init)
        case 3:
            throw Failure(description: "Python's jsonschema package is not installed for the tests; run `make tools`")
        default: throw Failure(description: "the schema validator ended with status \(status): \(output)")
        }
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        let environment = ProcessInfo.processInfo.environment
        let local = packageRoot.appendingPathComponent(".venv/bin/python").path
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let interpreter =
            environment["MILLRACE_PYTHON"] ?? (FileManager.default.isExecutableFile(atPath: local) ? local : "python3")
        process.arguments = [interpreter] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    private static let script = """
        import json, pathlib, sys

        try:
            from jsonschema import Draft202012Validator
            from referencing import Registry, Resource
        except ImportError:
            sys.exit(3)

        def refuse(token):
            raise ValueError(f"{token} is not JSON")

        folder, documents = pathlib.Path(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text())
        validators = {}
        # Schemas refer to each other by their file names.
        registry = Registry().with_resources(
            (path.name, Resource.from_contents(json.loads(path.read_text()))) for path in folder.glob("*.schema.json"))

        def report(name, schema, value):
            for error in validators[schema].iter_errors(value):
                print(f"{name}: {error.json_path}: {error.message[:200]}")

        for document in documents:
            schema = document["schema"]
            if schema not in validators:
                text = json.loads((folder / schema).read_text())
                Draft202012Validator.check_schema(text)
                validators[schema] = Draft202012Validator(text, registry=registry)
                for index, example in enumerate(text.get("examples", [])):
                    report(f"{schema} example {index}", schema, example)
            try:
                value = json.loads(pathlib.Path(document["file"]).read_bytes(), parse_constant=refuse)
            except ValueError as error:
                print(f"{document['name']}: {error}")
                continue
            report(document["name"], schema, value)
        """
}
