import CHDF5
import Glibc

extension HDF5File {
    /// The text of a scalar attribute; nil when there is none of this name.
    func text(_ name: String, of object: HDF5Handle, at location: String) throws(ModelFormatError) -> String? {
        guard H5Aexists(object.id, name) > 0 else { return nil }
        let texts = try strings(name, of: object, at: location)
        guard texts.count == 1, let text = texts.first else {
            throw ModelFormatError(
                .malformed, file: path, at: "\(location)attribute '\(name)'",
                "found \(texts.count) strings, expected one")
        }
        return text
    }

    /// A list of strings, which Keras splits into `name0`, `name1`, … when it exceeds HDF5's 64 KB for one attribute;
    /// nil when there is neither.
    func textList(_ name: String, of object: HDF5Handle, at location: String) throws(ModelFormatError) -> [String]? {
        if H5Aexists(object.id, name) > 0 { return try strings(name, of: object, at: location) }
        var result: [String] = []
        var piece = 0
        while H5Aexists(object.id, "\(name)\(piece)") > 0 {
            result += try strings("\(name)\(piece)", of: object, at: location)
            guard result.count <= limits.maximumEntries else {
                throw ModelFormatError(
                    .tooLarge, file: path, at: "\(location)attribute '\(name)'",
                    "more than \(limits.maximumEntries) entries")
            }
            piece += 1
        }
        return piece == 0 ? nil : result
    }

    /// The strings of an attribute, of fixed or variable length. Keras writes an empty list as an empty list of numbers.
    private func strings(
        _ name: String, of object: HDF5Handle, at outer: String
    ) throws(ModelFormatError) -> [String] {
        let location = "\(outer)attribute '\(name)'"
        let attribute = HDF5Handle(H5Aopen(object.id, name, millrace_h5_default()), close: H5Aclose)
        let space = HDF5Handle(H5Aget_space(attribute.id), close: H5Sclose)
        let type = HDF5Handle(H5Aget_type(attribute.id), close: H5Tclose)
        guard attribute.id >= 0, space.id >= 0, type.id >= 0 else { throw damaged(location) }
        let points = Int(H5Sget_simple_extent_npoints(space.id))
        guard points >= 0 else { throw damaged(location) }
        guard points > 0 else { return [] }
        guard points <= limits.maximumEntries else {
            throw ModelFormatError(
                .tooLarge, file: path, at: location, "found \(points) strings, the limit is \(limits.maximumEntries)")
        }
        guard H5Tget_class(type.id) == H5T_STRING else {
            throw ModelFormatError(.malformed, file: path, at: location, "found numbers, expected text")
        }
        return H5Tis_variable_str(type.id) > 0
            ? try variableStrings(attribute, type, space, count: points, location)
            : try fixedStrings(attribute, type, count: points, location)
    }

    private func variableStrings(
        _ attribute: HDF5Handle, _ type: HDF5Handle, _ space: HDF5Handle, count: Int, _ location: String
    ) throws(ModelFormatError) -> [String] {
        let memory = HDF5Handle(millrace_h5_string_type(0, H5Tget_cset(type.id)), close: H5Tclose)
        var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
        guard memory.id >= 0, H5Aread(attribute.id, memory.id, &pointers) >= 0 else { throw damaged(location) }
        defer { _ = H5Dvlen_reclaim(memory.id, space.id, millrace_h5_default(), &pointers) }
        var total = 0
        var result: [String] = []
        for pointer in pointers {
            guard let pointer else { throw damaged(location) }
            let length = strlen(pointer)
            total += length
            try checkSize(total, location)
            result.append(try decode(UnsafeRawBufferPointer(start: pointer, count: length), location))
        }
        return result
    }

    private func fixedStrings(
        _ attribute: HDF5Handle, _ type: HDF5Handle, count: Int, _ location: String
    ) throws(ModelFormatError) -> [String] {
        let size = H5Tget_size(type.id)
        let (total, overflow) = size.multipliedReportingOverflow(by: count)
        guard size > 0, !overflow else { throw damaged(location) }
        try checkSize(total, location)
        // One byte more each: the memory type is null-terminated, the file's may be null-padded.
        let memory = HDF5Handle(millrace_h5_string_type(size + 1, H5Tget_cset(type.id)), close: H5Tclose)
        var bytes = [UInt8](repeating: 0, count: total + count)
        guard memory.id >= 0, H5Aread(attribute.id, memory.id, &bytes) >= 0 else { throw damaged(location) }
        var result: [String] = []
        for index in 0..<count {
            let field = bytes[(index * (size + 1))..<((index + 1) * (size + 1))].prefix { $0 != 0 }
            guard let text = String(validating: field, as: UTF8.self) else { throw notText(location) }
            result.append(text)
        }
        return result
    }

    private func decode(_ bytes: UnsafeRawBufferPointer, _ location: String) throws(ModelFormatError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw notText(location) }
        return text
    }

    private func checkSize(_ bytes: Int, _ location: String) throws(ModelFormatError) {
        guard bytes <= limits.maximumJSONBytes else {
            throw ModelFormatError(
                .tooLarge, file: path, at: location, "found \(bytes) bytes, the limit is \(limits.maximumJSONBytes)")
        }
    }

    private func notText(_ location: String) -> ModelFormatError {
        ModelFormatError(.malformed, file: path, at: location, "the text is not UTF-8")
    }

    func damaged(_ location: String) -> ModelFormatError {
        ModelFormatError(.malformed, file: path, at: location, "cannot be read: the file is damaged")
    }
}
