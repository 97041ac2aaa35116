import JSONDocuments
import Serving
import TensorEngine
import TestSupport
import Testing
import Training

@testable import MillraceCommand

/// Rows, requests and the split of `millrace demo --train`.
@Suite struct DigitsTrainingTests {
    let digits: LabelledDigits

    init() throws { digits = try LabelledDigits(folder: Fixtures.digits) }

    @Test func `a row is an image and its label`() throws {
        #expect(digits.count == 1797 && digits.shape == [8, 8, 1])
        for index in [0, 5, 1796] {
            let row = JSONCursor(try JSONValue(parsing: digits.row(index)))
            let pixels = try row.member("pixels").elements().map { Float(try $0.number()) }
            #expect(try pixels == digits.images.rows(index..<(index + 1)).elements(as: Float.self))
            #expect(try row.member("digit").integer() == digits.labels[index])
        }
    }

    @Test func `numbers that are not whole keep their fractions`() throws {
        let images = try Tensor(shape: [1, 1, 2, 1], elements: [0.5, 3] as [Float])
        let row = try LabelledDigits(images: images, labels: [2]).row(0)
        #expect(String(decoding: row, as: UTF8.self) == #"{"pixels":[0.5,3],"digit":2}"#)
    }

    @Test func `a request asks about one image`() throws {
        let request = JSONCursor(try JSONValue(parsing: digits.request(9, id: 4, inputName: "pixels")))
        #expect(try request.member("id").string() == "4")
        let input = try #require(try request.member("inputs").elements().first)
        #expect(try input.member("name").string() == "pixels")
        #expect(try input.member("shape").elements().map { try $0.integer() } == [1, 8, 8, 1])
        #expect(try input.member("data").elements().count == 64)
    }

    @Test func `images and labels that do not fit together are refused`() throws {
        let images = try Tensor(shape: [2, 1, 2, 1], elements: [0, 1, 2, 3] as [Float])
        let error = #expect(throws: CommandFailure.self) { try LabelledDigits(images: images, labels: [1]) }
        #expect(error?.message.contains("1 labels") == true)
    }

    @Test func `the split keeps a share of each class, and every image is in one part`() throws {
        let plan = DigitsTraining()
        let split = try plan.split(digits)
        #expect((split.training + split.validation).sorted() == Array(0..<1797))
        for digit in 0..<DigitsTraining.classes {
            let count = digits.labels.count { $0 == digit }
            let held = split.validation.count { digits.labels[$0] == digit }
            #expect(held == Int((Double(count) * plan.heldOut).rounded()))
        }
        #expect(try plan.split(digits) == split)
        var other = plan
        other.seed = 8
        #expect(try other.split(digits) != split)
    }

    @Test func `a label beyond the classes is refused with its row`() throws {
        let images = try Tensor(shape: [2, 1, 1, 1], elements: [0, 1] as [Float])
        let wrong = try LabelledDigits(images: images, labels: [1, 10])
        let error = #expect(throws: DataError.self) { try DigitsTraining().split(wrong) }
        #expect(error?.description.contains("10") == true, "\(error.map { "\($0)" } ?? "")")
    }

    @Test func `the request is one that a service takes`() throws {
        let request = try TrainingRequest(DigitsTraining().request(digits))
        #expect(request.model == "digits" && request.seed == 7)
        #expect(request.evaluation == SplitSpec(.kFold(5), isStratified: true))
        #expect(request.promotion?.condition?.threshold == .number(0.98))
    }
}
