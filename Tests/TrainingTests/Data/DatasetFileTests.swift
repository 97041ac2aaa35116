import Foundation
import JSONDocuments
import TestSupport
import Testing

@testable import Training

@Suite struct DatasetFileTests {
    private func examples() -> [Example] {
        (0..<50).map { row in
            let number = row % 7 == 0 ? Float.nan : -Float(row)
            return Example(
                numbers: [Float(row), number], texts: ["text \(row)", row % 2 == 0 ? "" : "ü"],
                label: .name(["pear", "apple", "fig"][row % 3]), weight: Float(row) / 2,
                provenance: .record(partition: Int32(row % 4), offset: Int64(row) << 40))
        }
    }

    private let schema = DatasetSchema(
        features: [
            .init(name: "a", kind: .number), .init(name: "t", kind: .text), .init(name: "b", kind: .number),
            .init(name: "c", kind: .category),
        ], label: .init(kind: .classes(nil)))

    private func expectEqual(_ left: any Dataset, _ right: any Dataset, exactNaN: Bool = true) {
        func bits(_ numbers: [Float]) -> [UInt32] {
            numbers.map { $0.isNaN && !exactNaN ? Float.nan.bitPattern : $0.bitPattern }
        }
        #expect(left.rowCount == right.rowCount)
        #expect(left.schema == right.schema)
        #expect(left.digest == right.digest)
        for row in 0..<left.rowCount {
            #expect(bits(left.features(row)) == bits(right.features(row)))
            #expect(left.label(row) == right.label(row))
            #expect(left.weight(row) == right.weight(row))
            #expect(left.provenance(row) == right.provenance(row))
            #expect((0..<2).map { left.text(row, $0) } == (0..<2).map { right.text(row, $0) })
        }
    }

    @Test func filesHoldWhatMemoryHolds() throws {
        let folder = try TemporaryFolder()
        let writer = try DatasetFileWriter(folder.path + "/rows.dataset", schema: schema)
        for example in examples() { try writer.append(example) }
        let file = try writer.finish()
        let memory = try InMemoryDataset(schema, examples: examples())
        expectEqual(file, memory)
        try file.verify()
        #expect(memory.schema.classNames == ["apple", "fig", "pear"])
        #expect((0..<3).map { memory.classIndex($0) } == [2, 0, 1])
        #expect(memory.classCounts(0..<50) == [17, 16, 17])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names == ["rows.dataset"])
    }

    @Test func theCollectorGoesToAFileWhenMemoryIsFull() throws {
        let folder = try TemporaryFolder()
        var limits = DataLimits()
        limits.maximumMemoryBytes = 2000
        let path = folder.path + "/spilled.dataset"
        let collector = DatasetCollector(schema, spillPath: path, limits: limits)
        for example in examples() { try collector.append(example) }
        let spilled = try collector.finish()
        #expect(spilled is DatasetFile)
        expectEqual(spilled, try InMemoryDataset(schema, examples: examples()))
        let refusing = DatasetCollector(schema, limits: limits)
        let found = message { for example in examples() { try refusing.append(example) } }
        #expect(found.hasSuffix("the rows take more than the 2000 bytes that are allowed in memory"))
    }

    @Test func theDigestIsOfTheRowsAndNothingElse() throws {
        let digest = try InMemoryDataset(schema, examples: examples()).digest
        #expect(digest.utf8.count == 64)
        #expect(try InMemoryDataset(schema, examples: examples()).digest == digest)
        // What is pinned here must not change: digests are published with models.
        #expect(try dataset(records(3, classes: 2), classes: 2).digest == pinned)
        var changed = examples()
        changed[7].numbers[1] = Float(bitPattern: 0x7fc0_0001)
        #expect(try InMemoryDataset(schema, examples: changed).digest == digest, "every NaN is the same")
        let changes: [(inout Example) -> Void] = [
            { $0.numbers[0] = 1 }, { $0.texts[0] += "x" }, { $0.label = .name("fig") }, { $0.weight += 1 },
            { $0.provenance = .row(9) },
        ]
        for change in changes {
            var changed = examples()
            change(&changed[9])
            #expect(try InMemoryDataset(schema, examples: changed).digest != digest)
        }
        // Texts that run together the same way are apart.
        changed = examples()
        changed[3].texts = ["text 3ü", ""]
        #expect(try InMemoryDataset(schema, examples: changed).digest != digest)
    }

    private let pinned = "a120a0282e2dbf947521fa7e09703eecc7c43dc1900a9bed4ff5511b3484d63f"

    @Test func damagedFilesAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/rows.dataset"
        let writer = try DatasetFileWriter(path, schema: schema)
        for example in examples() { try writer.append(example) }
        _ = try writer.finish()
        let whole = try Data(contentsOf: URL(filePath: path))
        func refused(_ data: Data) throws -> String {
            try data.write(to: URL(filePath: path))
            return message { try DatasetFile(path).verify() }
        }
        #expect(try refused(whole) == "no error")
        #expect(try refused(whole.dropLast()).hasSuffix("found no complete dataset file"))
        #expect(try refused(Data()).hasSuffix("found no complete dataset file"))
        var flipped = whole
        flipped[18] ^= 1
        #expect(try refused(flipped).contains("found rows of digest"))
        // Any byte: refused, or one that says nothing (a NaN's payload, where an empty text would be).
        let original = try InMemoryDataset(schema, examples: examples())
        for place in stride(from: 0, to: whole.count, by: 37) {
            var damaged = whole
            damaged[place] ^= 0x85
            if try refused(damaged) == "no error" { expectEqual(try DatasetFile(path), original, exactNaN: false) }
        }
    }

    @Test func writingIsLimited() throws {
        let folder = try TemporaryFolder()
        var limits = DataLimits()
        limits.maximumFileBytes = 1000
        let writer = try DatasetFileWriter(folder.path + "/rows.dataset", schema: schema, limits: limits)
        let found = message { for example in examples() { try writer.append(example) } }
        #expect(found.hasSuffix("the rows take more than the 1000 bytes that are allowed"))
        limits = DataLimits()
        limits.maximumRows = 10
        let few = try DatasetFileWriter(folder.path + "/few.dataset", schema: schema, limits: limits)
        let message = message { for example in examples() { try few.append(example) } }
        #expect(message.hasSuffix("found more than 10 rows"))
    }

    @Test func examplesThatDoNotFitAreNamed() throws {
        let schema = DatasetSchema(
            features: [.init(name: "v", kind: .tensor([2]))],
            label: .init(names: ["kind"], kind: .classes(["cat", "dog"])))
        func found(_ numbers: [Float], _ label: Example.Label) -> String {
            message {
                _ = try InMemoryDataset(
                    schema, examples: [Example(numbers: numbers, label: label, provenance: .row(4))])
            }
        }
        #expect(found([1, 2], .name("cat")) == "no error")
        #expect(
            found([1, 2], .name("dogg"))
                == "row 4: kind: found \"dogg\", expected one of the 2 classes; did you mean \"dog\"?")
        #expect(found([1], .name("cat")) == "row 4: found 1 numbers and 0 texts, expected 2 and 0")
        #expect(found([1, -.infinity], .name("cat")) == "row 4: v[1]: found -inf, expected a finite number")
        let floors = DatasetSchema(features: [.init(name: "floor", kind: .integerCategory)], label: nil)
        for number in [1e30, 0.5] as [Float] {
            let example = Example(numbers: [number], label: .none, provenance: .row(4))
            #expect(
                message { _ = try InMemoryDataset(floors, examples: [example]) }
                    == "row 4: floor: found \(number), expected an integer of at most 24 bits")
        }
        #expect(found([1, 2], .none) == "row 4: kind: found no label, expected one")
        #expect(found([1, 2], .numbers([1])) == "row 4: kind: found a number, expected a class")
    }
}
