package import TensorEngine

/// What the Keras reader asks of a file: attributes of groups, and datasets, by path from the file's root.
///
/// ``HDF5File`` is the one in use. Whatever has the same can take its place, so that everything beyond libhdf5 can be
/// tested and fuzzed without it.
package protocol KerasContainer {
    /// For messages.
    var path: String { get }
    var limits: ModelFormatLimits { get }

    /// The text of a scalar attribute; nil when there is none of this name.
    func text(_ name: String, of group: [Substring], at location: String) throws(ModelFormatError) -> String?
    /// A list of strings; nil when there is no attribute of this name.
    func textList(_ name: String, of group: [Substring], at location: String) throws(ModelFormatError) -> [String]?
    /// A dataset of floating-point numbers as float32; its shape must be `expected`.
    func float32(
        _ components: [Substring], expected: [Int], at location: String
    ) throws(ModelFormatError) -> Tensor
}

extension HDF5File: KerasContainer {
    package func text(
        _ name: String, of group: [Substring], at location: String
    ) throws(ModelFormatError) -> String? {
        try text(name, of: try object(group, at: location), at: location.isEmpty ? "" : "\(location): ")
    }

    package func textList(
        _ name: String, of group: [Substring], at location: String
    ) throws(ModelFormatError) -> [String]? {
        try textList(name, of: try object(group, at: location), at: location.isEmpty ? "" : "\(location): ")
    }

    private func object(_ group: [Substring], at location: String) throws(ModelFormatError) -> HDF5Handle {
        group.isEmpty ? root : try open(group, at: location)
    }
}
