import Foundation
import TestSupport
import Testing

@testable import ModelFormats

@Suite struct WritingFailureTests {
    /// `/dev/full` refuses every byte as a full disk does.
    @Test func fullDiskIsNamed() throws {
        let writer = try FileWriter("/dev/full")
        let error = #expect(throws: ModelFormatError.self) { try writer.write([1, 2, 3]) }
        #expect(error?.reason == .storageFull)
        #expect(error?.file == "/dev/full")
    }

    @Test(arguments: [
        (EROFS, ModelFormatError.Reason.readOnly), (EACCES, .readOnly), (EDQUOT, .storageFull), (EIO, .unwritable),
    ])
    func systemErrorsAreTold(_ code: Int32, _ reason: ModelFormatError.Reason) {
        #expect(ModelFormatError(writing: "x", code: code).reason == reason)
    }
}
