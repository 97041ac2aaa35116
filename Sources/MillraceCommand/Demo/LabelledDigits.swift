import Foundation
import JSONDocuments
import ModelFormats
import Serving
import TensorEngine

/// Handwritten digits and what they are: scikit-learn's 1,797 images (8 × 8 grey values from 0 to 16, from the UCI
/// "Optical Recognition of Handwritten Digits" data).
struct LabelledDigits: Sendable {
    /// Of the model's input and of the rows' feature.
    static let imageName = "pixels"
    static let labelName = "digit"

    /// [n, height, width, channels], float32.
    let images: Tensor
    /// The digit that each image shows.
    let labels: [Int]

    var count: Int { labels.count }

    /// Extents of an image.
    var shape: [Int] { Array(images.shape.dimensions.dropFirst()) }

    /// The folder that comes with the program.
    static func folder() throws -> String {
        guard let folder = Bundle.module.path(forResource: "digits", ofType: nil) else {
            throw CommandFailure(.notFound, "the digits data does not lie beside the program; name it with --data")
        }
        return folder
    }

    /// Reads `digits.npz`: `images` and `labels`.
    init(folder: String) throws {
        let data = try NumPyArchive.read(folder + "/digits.npz")
        let images = try Self.array("images", in: data, folder: folder)
        let labels = try Self.array("labels", in: data, folder: folder).converted(to: .int64)?.elements(as: Int64.self)
        try self.init(images: images, labels: (labels ?? []).map { Int($0) }, folder: folder)
    }

    /// - Throws: ``CommandFailure`` when they do not fit together.
    init(images: Tensor, labels: [Int], folder: String = "digits") throws {
        guard images.shape.rank == 4, images.shape[0] == labels.count, !labels.isEmpty else {
            throw CommandFailure(
                .usage,
                "\(folder): found images \(images.shape) and \(labels.count) labels, expected [n, 8, 8, 1] and n")
        }
        (self.images, self.labels) = (images, labels)
    }

    static func array(_ name: String, in arrays: [(name: String, tensor: Tensor)], folder: String) throws -> Tensor {
        guard let tensor = arrays.first(where: { $0.name == name })?.tensor else {
            throw CommandFailure(.usage, "\(folder): array \"\(name)\" is missing")
        }
        return tensor
    }

    // MARK: Records

    /// The image's numbers as JSON writes them, separated by commas.
    private func numbers(_ index: Int) throws -> String {
        try images.rows(index..<(index + 1)).elements(as: Float.self)
            .map { number in Int(exactly: number).map { "\($0)" } ?? "\(number)" }.joined(separator: ",")
    }

    /// A row to train on: `{"pixels":[0,0,5,…],"digit":3}`.
    func row(_ index: Int) throws -> [UInt8] {
        Array(#"{"\#(Self.imageName)":[\#(try numbers(index))],"\#(Self.labelName)":\#(labels[index])}"#.utf8)
    }

    /// An inference request for one image.
    /// - Parameter id: default: the index.
    func request(_ index: Int, id: Int? = nil, inputName: String) throws -> [UInt8] {
        let shape = ([1] + shape).map { "\($0)" }.joined(separator: ",")
        return Array(
            (#"{"id":"\#(id ?? index)","inputs":[{"name":"\#(inputName)","shape":[\#(shape)],"#
                + #""datatype":"FP32","data":[\#(try numbers(index))]}]}"#).utf8)
    }
}
