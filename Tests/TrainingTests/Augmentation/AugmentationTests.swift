import JSONDocuments
import TensorEngine
import Testing

@testable import Training

@Suite struct AugmentationTests {
    /// What the step makes of these numbers for one row.
    private func apply(
        _ kind: AugmentationStep.Kind, _ values: [Float], _ shape: [Int], layout: ImageLayout = .channelsLast,
        probability: Double = 1, row: Int = 0, epoch: Int = 0
    ) throws -> [Float] {
        var tensor = try Tensor(shape: try Shape([1] + shape), elements: values)
        try Augmentation([AugmentationStep(kind, probability: probability)], layout: layout)
            .apply(to: &tensor, rows: [row], seed: 3, epoch: epoch)
        return try tensor.elements(as: Float.self)
    }

    private let six: [Float] = [1, 2, 3, 4, 5, 6]

    @Test func flipsMirrorEitherLayout() throws {
        #expect(try apply(.horizontalFlip, six, [2, 3]) == [3, 2, 1, 6, 5, 4])
        #expect(try apply(.verticalFlip, six, [2, 3]) == [4, 5, 6, 1, 2, 3])
        // Three pixels of two channels, and two channels of three pixels.
        #expect(try apply(.horizontalFlip, six, [1, 3, 2]) == [5, 6, 3, 4, 1, 2])
        #expect(try apply(.horizontalFlip, six, [2, 1, 3], layout: .channelsFirst) == [3, 2, 1, 6, 5, 4])
        #expect(try apply(.verticalFlip, six, [2, 3, 1], layout: .channelsFirst) == [3, 2, 1, 6, 5, 4])
    }

    @Test func shiftsMoveWholePixelsAndFill() throws {
        let image = (1...9).map { Float($0) }
        var seen: Set<[Float]> = []
        for row in 0..<200 {
            let moved = try apply(.crop(padding: 1, fill: -1), image, [3, 3], row: row)
            seen.insert(moved)
            // What is not filled is the image, moved by one and the same offset.
            let offsets = (-1...1).flatMap { down in (-1...1).map { (down, $0) } }
            let isMoved = offsets.contains { down, right in
                (0..<9).allSatisfy { place in
                    let (y, x) = (place / 3 - down, place % 3 - right)
                    return moved[place] == ((0..<3).contains(y) && (0..<3).contains(x) ? image[y * 3 + x] : -1)
                }
            }
            #expect(isMoved)
        }
        #expect(seen.count == 9)
        let halves = Set(
            try (0..<50).map { try apply(.shift(height: 0, width: 0.34, fill: 0), image, [3, 3], row: $0)[4] })
        #expect(halves == [4, 5, 6])
    }

    @Test func rotationsKeepAnglesAndLengths() throws {
        let geometry = try #require(ImageGeometry([3, 3, 1], .channelsLast))
        var image: [Float] = [0, 1, 0, 0, 0, 2, 0, 0, 0]
        image.withUnsafeMutableBufferPointer { geometry.rotate($0, radians: .pi / 2, fill: 0) }
        // Up goes to the left, right goes up.
        let expected: [Float] = [0, 2, 0, 1, 0, 0, 0, 0, 0]
        #expect(zip(image, expected).allSatisfy { abs($0 - $1) < 1e-6 })
        // A plane turned is a plane: x becomes x cos - y sin, away from the border.
        let wide = try #require(ImageGeometry([9, 9], .channelsFirst))
        var plane = (0..<81).map { Float($0 % 9) - 4 }
        plane.withUnsafeMutableBufferPointer { wide.rotate($0, radians: 0.3, fill: 0) }
        for y in 2...6 {
            for x in 2...6 {
                let wanted = Float(0.955336489) * Float(x - 4) - Float(0.295520207) * Float(y - 4)
                #expect(abs(plane[y * 9 + x] - wanted) < 1e-5)
            }
        }
        let kept = try apply(.rotate(degrees: 0, fill: 9), six, [2, 3])
        #expect(kept == six)
    }

    @Test func cutoutsAreBoxes() throws {
        var areas: Set<Int> = []
        for row in 0..<100 {
            let cut = try apply(
                .cutout(height: 2, width: 3, count: 1, fill: -1), [Float](repeating: 1, count: 72), [6, 6, 2], row: row)
            let places = (0..<36).filter { cut[2 * $0] == -1 }
            #expect(places == (0..<36).filter { cut[2 * $0 + 1] == -1 })
            let (rows, columns) = (Set(places.map { $0 / 6 }), Set(places.map { $0 % 6 }))
            #expect(rows.count * columns.count == places.count && rows.count <= 2 && columns.count <= 3)
            areas.insert(places.count)
        }
        #expect(areas.contains(6) && areas.count > 1)
    }

    @Test func masksCoverRuns() throws {
        let ones = [Float](repeating: 1, count: 40)
        var lengths: Set<Int> = []
        for row in 0..<200 {
            let masked = try apply(.timeMask(maximum: 3, count: 1, fill: 0), ones, [10, 4], row: row)
            let steps = (0..<10).filter { masked[$0 * 4] == 0 }
            #expect((0..<40).allSatisfy { (masked[$0] == 0) == steps.contains($0 / 4) })
            #expect(steps.isEmpty || steps == Array(steps[0]..<steps[0] + steps.count))
            lengths.insert(steps.count)
            let features = try apply(.featureMask(maximum: 2, count: 1, fill: 7), ones, [10, 4], row: row)
            let first = (0..<4).filter { features[$0] == 7 }
            #expect((0..<40).allSatisfy { (features[$0] == 7) == first.contains($0 % 4) })
            #expect(first.count <= 2)
        }
        #expect(lengths == [0, 1, 2, 3])
    }

    @Test func numbersChangeAsTheirDistributionsSay() throws {
        let zeros = [Float](repeating: 0, count: 20_000)
        let noise = try apply(.noise(standardDeviation: 0.5), zeros, [20_000]).map { Double($0) }
        let mean = noise.reduce(0, +) / 20_000
        #expect(abs(mean) < 5 * 0.5 / 141)
        #expect(abs(noise.reduce(0) { $0 + $1 * $1 } / 20_000 - 0.25) < 0.02)
        let brighter = try apply(.brightness(delta: 0.2), six, [2, 3])
        #expect(abs(brighter[0] - 1) <= 0.2 && brighter[0] != 1)
        #expect(zip(brighter, six).allSatisfy { abs(($0 - $1) - (brighter[0] - 1)) < 1e-6 })
        let flat = try apply(.contrast(lower: 0.5, upper: 0.5), six, [2, 3])
        #expect(flat == [2.25, 2.75, 3.25, 3.75, 4.25, 4.75])
        #expect(try apply(.scale(lower: 2, upper: 2), six, [6]) == [2, 4, 6, 8, 10, 12])
        #expect(try apply(.clip(lower: 2, upper: 4), six, [6]) == [2, 2, 3, 4, 4, 4])
        let often = try (0..<1000).filter {
            try apply(.horizontalFlip, [1, 2], [1, 2], probability: 0.3, row: $0) == [2, 1]
        }
        #expect(abs(often.count - 300) < 75)
    }

    @Test func aRowIsChangedAlikeInAnyBatch() throws {
        let augmentation = Augmentation([
            AugmentationStep(.horizontalFlip, probability: 0.5), AugmentationStep(.rotate(degrees: 30, fill: 0)),
            AugmentationStep(.noise(standardDeviation: 0.1), probability: 0.5),
        ])
        func batch(_ rows: [Int], epoch: Int) throws -> [[UInt32]] {
            let elements = rows.flatMap { row in (0..<16).map { Float(row * 16 + $0) } }
            var tensor = try Tensor(shape: try Shape([rows.count, 4, 4]), elements: elements)
            try augmentation.apply(to: &tensor, rows: rows, seed: 11, epoch: epoch)
            let values = try tensor.elements(as: Float.self)
            return rows.indices.map { values[$0 * 16..<$0 * 16 + 16].map(\.bitPattern) }
        }
        let all = try batch(Array(0..<20), epoch: 4)
        #expect(try batch([7, 3, 19], epoch: 4) == [all[7], all[3], all[19]])
        #expect(try batch([7], epoch: 5) != [all[7]])
        // A copy that shares memory stays as it was.
        let original = try Tensor(shape: [1, 4, 4], elements: (0..<16).map { Float($0) })
        var copy = original
        try augmentation.apply(to: &copy, rows: [0], seed: 11, epoch: 4)
        #expect(try original.elements(as: Float.self) == (0..<16).map { Float($0) })
    }

    @Test(arguments: [
        ("{\"steps\": [{\"type\": \"flip\"}]}", "augmentation.steps[0].type: found \"flip\""),
        (
            "{\"steps\": [{\"type\": \"rotate\", \"degrees\": 200}]}",
            "augmentation.steps[0].degrees: found 200.0, expected 0.0 to 180.0"
        ),
        ("{\"steps\": [{\"type\": \"noise\"}]}", "augmentation.steps[0]: missing member \"standard_deviation\""),
        (
            "{\"steps\": [{\"type\": \"crop\", \"padding\": 2, \"pading\": 1}]}",
            "augmentation.steps[0]: unknown member \"pading\"; did you mean \"padding\"?"
        ),
        (
            "{\"steps\": [{\"type\": \"scale\", \"lower\": 2, \"upper\": 1}]}",
            "augmentation.steps[0]: found the range 2.0 to 1.0"
        ),
        ("{\"layout\": \"nchw\", \"steps\": []}", "augmentation.layout: found \"nchw\", expected \"channels_first\""),
    ])
    func mistakesInSpecsAreNamed(json: String, expected: String) {
        let found = message { _ = try Augmentation(JSONCursor(try JSONValue(parsing: json), path: "augmentation")) }
        #expect(found.hasPrefix(expected))
    }

    @Test func specsAreReadAndWritten() throws {
        let json = """
            {"layout": "channels_first", "steps": [{"type": "horizontal_flip"}, {"type": "vertical_flip", "probability": 1},
             {"type": "shift", "height": 0.1, "fill": 2}, {"type": "rotate", "degrees": 9}, {"type": "crop", "padding": 4},
             {"type": "cutout", "height": 2, "width": 3}, {"type": "brightness", "delta": 0.1},
             {"type": "contrast", "lower": 0.5, "upper": 2}, {"type": "noise", "standard_deviation": 1},
             {"type": "scale", "lower": 1, "upper": 2}, {"type": "time_mask", "maximum": 3},
             {"type": "feature_mask", "maximum": 2, "count": 2}, {"type": "clip", "lower": 0, "upper": 1}]}
            """
        let read = try Augmentation(JSONCursor(try JSONValue(parsing: json)))
        #expect(read.steps.map(\.type).sorted() == AugmentationStep.types)
        #expect(try Augmentation(JSONCursor(read.json)) == read)
        #expect(read.steps[0].probability == 0.5)
        #expect(
            message { try read.check([784]) }
                == "augmentation.steps[0] (horizontal_flip): found examples of shape [784], expected an image of two or three dimensions"
        )
        var ids = try Tensor(shape: [1, 2], elements: [1, 2] as [Int64])
        let found = message { try Augmentation([]).apply(to: &ids, rows: [0], seed: 0, epoch: 0) }
        #expect(found == "augmentation: found int64 [1, 2], expected float32 and 1 examples")
    }
}
