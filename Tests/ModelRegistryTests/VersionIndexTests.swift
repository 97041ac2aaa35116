import Foundation
import ModelFormats
import ModelRegistry
import TestSupport
import Testing

@Suite struct VersionIndexTests {
    let folder: TemporaryFolder
    let index: VersionIndex

    init() throws {
        folder = try TemporaryFolder()
        index = try VersionIndex(root: folder.path)
    }

    static func digest(_ number: Int) -> String { String(repeating: "0", count: 60) + String(format: "%04d", number) }

    @Test func numbersRiseFromOne() throws {
        for number in 1...3 {
            let version = try index.append(name: "digits") { Self.digest($0) }
            #expect(version.identity == .init(name: "digits", number: number))
        }
        _ = try index.append(name: "other") { Self.digest($0) }
        #expect(try index.versions().map(\.identity.description) == ["digits@1", "digits@2", "digits@3", "other@1"])
        #expect(try index.versions(of: "digits").map(\.digest) == (1...3).map(Self.digest))
        #expect(try index.versions(of: "unknown").isEmpty)
    }

    @Test func concurrentWritersNeverShareANumber() async throws {
        let index = index
        let numbers = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try (0..<10).map { _ in try index.append(name: "digits") { Self.digest($0) }.identity.number }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(numbers.sorted() == Array(1...80))
        #expect(try index.versions(of: "digits").count == 80)
    }

    @Test(arguments: ["", ".hidden", "-x", "a/b", "..", "a b", "ü", String(repeating: "a", count: 129)])
    func namesThatCouldLeaveTheFolderAreRefused(name: String) throws {
        #expect(throws: RegistryError.invalidModelName(name)) {
            _ = try index.append(name: name) { Self.digest($0) }
        }
    }

    @Test(arguments: ["not json", "{}", #"{"digest": 7}"#, String(repeating: " ", count: 5000)])
    func damagedEntryIsNamed(contents: String) throws {
        _ = try index.append(name: "digits") { Self.digest($0) }
        let path = folder.path + "/models/digits/1"
        try Data(contents.utf8).write(to: URL(filePath: path))
        #expect {
            _ = try index.versions()
        } throws: { error in
            guard case RegistryError.damagedEntry(let named, _)? = error as? RegistryError else { return false }
            return named.hasSuffix("models/digits/1")
        }
    }

    @Test func strayFilesAreNotVersions() throws {
        _ = try index.append(name: "digits") { Self.digest($0) }
        for name in ["0", "01", "-1", "x", "1.uuid.tmp"] {
            try Data().write(to: URL(filePath: folder.path + "/models/digits/" + name))
        }
        #expect(try index.versions().count == 1)
    }

    @Test func failingStoreLeavesNoVersion() throws {
        struct Failure: Error {}
        #expect(throws: Failure.self) { _ = try index.append(name: "digits") { _ in throw Failure() } }
        #expect(try index.versions().isEmpty)
    }

    @Test func storeThatCannotBeMadeIsNamed() throws {
        let file = folder.path + "/file"
        try Data().write(to: URL(filePath: file))
        #expect {
            _ = try VersionIndex(root: file)
        } throws: { error in
            "\(error)".contains(file)
        }
    }
}
