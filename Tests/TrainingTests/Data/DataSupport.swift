import Foundation
import JSONDocuments
import TestSupport
import Testing

@testable import Training

/// A file that holds this text, in a folder that lives as long as the value.
struct TextFile {
    let folder: TemporaryFolder
    let path: String

    init(_ text: String, name: String = "data.csv") throws {
        folder = try TemporaryFolder()
        path = folder.path + "/" + name
        try Data(text.utf8).write(to: URL(filePath: path))
    }
}

func schema(_ text: String) throws -> DatasetSchema {
    try DatasetSchema(JSONCursor(try JSONValue(parsing: text), path: "dataset"))
}

/// What the closure throws, as text.
func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no error"
}

/// Rows of one number and a class, as a topic's records of one partition.
func records(_ count: Int, classes: Int, partition: Int32 = 0) -> [Example] {
    (0..<count).map { row in
        Example(
            numbers: [Float(row)], label: .index(row % classes),
            provenance: .record(partition: partition, offset: Int64(row)))
    }
}

func dataset(_ examples: [Example], classes: Int) throws -> InMemoryDataset {
    try InMemoryDataset(
        DatasetSchema(
            features: [.init(name: "x", kind: .number)], label: .init(kind: .classIndex(count: classes))),
        examples: examples)
}
