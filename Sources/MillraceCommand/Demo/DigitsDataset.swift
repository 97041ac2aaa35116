import ModelFormats
import TensorEngine

/// The demonstration's data: the handwritten digits, a convolutional network that Keras trained on them, and what Keras
/// itself answers.
struct DigitsDataset {
    /// The Keras file.
    let modelPath: String
    let digits: LabelledDigits
    /// [1797, 10], Keras's probabilities.
    let reference: Tensor

    /// The digit each image shows.
    var labels: [Int] { digits.labels }
    var count: Int { digits.count }

    /// - Parameter folder: another folder with the same files; default: the one that comes with the program.
    init(folder: String?) throws {
        let folder = try folder ?? LabelledDigits.folder()
        modelPath = folder + "/cnn.h5"
        digits = try LabelledDigits(folder: folder)
        reference = try LabelledDigits.array(
            "probabilities", in: try NumPyArchive.read(folder + "/cnn_outputs.npz"), folder: folder)
        guard reference.shape.dimensions == [digits.count, 10] else {
            throw CommandFailure(
                .usage, "\(folder): found \(digits.count) labels and answers \(reference.shape), expected n and [n, 10]"
            )
        }
    }
}
