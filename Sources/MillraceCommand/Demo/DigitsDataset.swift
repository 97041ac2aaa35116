import Foundation
import ModelFormats
import TensorEngine

/// The demonstration's data: scikit-learn's 1,797 handwritten digits (8 × 8 grey values from 0 to 16, from the UCI
/// "Optical Recognition of Handwritten Digits" data), a convolutional network that Keras trained on them, and what
/// Keras itself answers.
struct DigitsDataset {
    /// The Keras file.
    let modelPath: String
    /// [1797, 8, 8, 1], float32.
    let images: Tensor
    /// [1797], the digit each image shows.
    let labels: [Int]
    /// [1797, 10], Keras's probabilities.
    let reference: Tensor

    var count: Int { labels.count }

    /// The folder that comes with the program.
    static func folder() throws -> String {
        guard let folder = Bundle.module.path(forResource: "digits", ofType: nil) else {
            throw CommandFailure(.notFound, "the digits data does not lie beside the program; name it with --data")
        }
        return folder
    }

    /// - Parameter folder: another folder with the same files; default: the one that comes with the program.
    init(folder: String?) throws {
        let folder = try folder ?? Self.folder()
        modelPath = folder + "/cnn.h5"
        let data = try NumPyArchive.read(folder + "/digits.npz")
        images = try Self.array("images", in: data, folder: folder)
        labels =
            try Self.array("labels", in: data, folder: folder).converted(to: .int64)?.elements(as: Int64.self)
            .map(Int.init) ?? []
        reference = try Self.array(
            "probabilities", in: try NumPyArchive.read(folder + "/cnn_outputs.npz"), folder: folder)
        guard images.shape.rank == 4, images.shape[0] == labels.count, reference.shape.dimensions == [labels.count, 10]
        else {
            throw CommandFailure(
                .usage,
                "\(folder): found images \(images.shape), \(labels.count) labels and answers \(reference.shape), "
                    + "expected [n, 8, 8, 1], n and [n, 10]")
        }
    }

    private static func array(_ name: String, in arrays: [(name: String, tensor: Tensor)], folder: String) throws
        -> Tensor
    {
        guard let tensor = arrays.first(where: { $0.name == name })?.tensor else {
            throw CommandFailure(.usage, "\(folder): array \"\(name)\" is missing")
        }
        return tensor
    }
}
