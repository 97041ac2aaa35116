import Foundation

/// Files that tests read, found from this source file so that the working directory does not matter.
package enum Fixtures {
    /// The package's root folder.
    package static let root: String = {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path(percentEncoded: false)
    }()

    /// The demonstration's handwritten digits: `cnn.h5`, `mlp.h5`, their data and Keras's answers.
    package static let digits = root + "/Sources/MillraceCommand/Resources/digits"
    /// Protobuf messages as Python serialises them, and what is in them.
    package static let protobuf = root + "/Tests/Fixtures/protobuf"
    /// Small Keras models with inputs and reference outputs.
    package static let keras = root + "/Tests/Fixtures/keras"
}

/// A folder that is removed with its last owner.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "millrace-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path(percentEncoded: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
