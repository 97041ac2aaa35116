import CHDF5
package import TensorEngine

extension HDF5File {
    /// A dataset of floating-point numbers of any width, as float32; its shape must be `expected`.
    package func float32(
        _ components: [Substring], expected: [Int], at location: String
    ) throws(ModelFormatError) -> Tensor {
        let dataset = try open(components, at: location)
        guard H5Iget_type(dataset.id) == H5I_DATASET else {
            throw ModelFormatError(.malformed, file: path, at: location, "found a group, expected a dataset")
        }
        let type = HDF5Handle(H5Dget_type(dataset.id), close: H5Tclose)
        guard type.id >= 0 else { throw damaged(location) }
        guard H5Tget_class(type.id) == H5T_FLOAT else {
            throw ModelFormatError(
                .unsupported, file: path, at: location, "the elements are not floating-point numbers")
        }
        let found = try dimensions(of: dataset, at: location)
        guard found == expected else {
            throw ModelFormatError(
                .mismatch, file: path, at: location, "found the shape \(found), expected \(expected)")
        }
        let shape: Shape
        do { shape = try Shape(found) } catch {
            throw ModelFormatError(.tooLarge, file: path, at: location, error.description)
        }
        try checkStorage(of: dataset, elements: shape.elementCount, fileElementBytes: H5Tget_size(type.id), location)
        var failed = false
        let tensor = Tensor(.float32, shape: shape) { buffer in
            guard let start = buffer.baseAddress, !buffer.isEmpty else { return }
            failed =
                H5Dread(
                    dataset.id, millrace_h5_native_float(), millrace_h5_all(), millrace_h5_all(),
                    millrace_h5_default(), start) < 0
        }
        if failed { throw damaged(location) }
        return tensor
    }

    private func dimensions(of dataset: HDF5Handle, at location: String) throws(ModelFormatError) -> [Int] {
        let space = HDF5Handle(H5Dget_space(dataset.id), close: H5Sclose)
        guard space.id >= 0 else { throw damaged(location) }
        let rank = Int(H5Sget_simple_extent_ndims(space.id))
        guard (0...32).contains(rank) else { throw damaged(location) }
        var extents = [hsize_t](repeating: 0, count: max(rank, 1))
        guard H5Sget_simple_extent_dims(space.id, &extents, nil) >= 0 else { throw damaged(location) }
        var result: [Int] = []
        for extent in extents.prefix(rank) {
            guard let extent = Int(exactly: extent) else { throw damaged(location) }
            result.append(extent)
        }
        return result
    }

    /// A dataset may claim more elements than its bytes hold (they read as zeros), keep them in other files, or need
    /// a filter from elsewhere.
    private func checkStorage(
        of dataset: HDF5Handle, elements: Int, fileElementBytes: Int, _ location: String
    ) throws(ModelFormatError) {
        let (bytes, overflow) = elements.multipliedReportingOverflow(by: max(fileElementBytes, 4))
        guard !overflow, bytes <= limits.maximumTensorBytes else {
            throw ModelFormatError(
                .tooLarge, file: path, at: location,
                "found \(elements) elements, the limit is \(limits.maximumTensorBytes) bytes")
        }
        let properties = HDF5Handle(H5Dget_create_plist(dataset.id), close: H5Pclose)
        guard properties.id >= 0 else { throw damaged(location) }
        let layout = H5Pget_layout(properties.id)
        guard layout != H5D_VIRTUAL, H5Pget_external_count(properties.id) == 0 else {
            throw ModelFormatError(
                .unsupported, file: path, at: location, "the data lies in another file; only data inside it is read")
        }
        guard millrace_h5_foreign_filters(properties.id) == 0 else {
            throw ModelFormatError(
                .unsupported, file: path, at: location, "an unknown filter; supported are gzip, shuffle and fletcher32")
        }
        // What the dataset says of itself: more than the whole file is a lie.
        let stored = min(Int(clamping: H5Dget_storage_size(dataset.id)), fileBytes)
        guard elements == 0 || (stored > 0 && limits.allows(uncompressed: bytes, from: stored)) else {
            throw ModelFormatError(
                .malformed, file: path, at: location,
                "\(elements) elements are declared, but only \(stored) bytes stored")
        }
    }
}
