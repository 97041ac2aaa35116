import ModelFormats

/// Model bundles. An input is the three files with separators between them: manifest, graph, safetensors.
enum BundleFuzzing {
    static func run(_ input: UnsafeBufferPointer<UInt8>) {
        let parts = input.parts(3)
        guard parts.count == 3 else { return }
        Scratch.makeFolder("bundle")
        _ = Scratch.write(parts[0], to: "bundle/manifest.json")
        _ = Scratch.write(parts[1], to: "bundle/graph.json")
        _ = Scratch.write(parts[2], to: "bundle/weights.safetensors")
        let path = "\(Scratch.path)/bundle"
        // What costs as much as reading is done for some inputs; their length decides, so that a replay does the same.
        let isThorough = input.count % 8 == 0
        // Digests would hide everything behind them.
        ModelChecks.check(isThorough: isThorough) { () throws(ModelFormatError) in
            let bundle = try ModelBundle.load(at: path, verify: false)
            let source = bundle.manifest.source ?? ModelSource(framework: "", version: "", fileName: "", sha256: "")
            return ImportedModel(graph: bundle.graph, source: source, metadata: bundle.manifest.metadata)
        }
        guard isThorough else { return }
        let verified = Result { () throws(ModelFormatError) in try ModelFile.open(path) }
        if case .failure(let error) = verified { ModelChecks.checkMessage(error.description) }
        writeAgain(path)
    }

    /// What was read is written and read again.
    private static func writeAgain(_ path: String) {
        guard let bundle = try? ModelBundle.load(at: path, verify: false) else { return }
        let written = ModelBundle(manifest: bundle.manifest, graph: bundle.graph)
        let copy = "\(Scratch.path)/copy"
        Scratch.removeFolder("copy")
        do throws(ModelFormatError) {
            try written.write(to: copy)
            let read = try ModelBundle.load(at: copy, verify: true)
            require(read.digest == written.digest, "a bundle changed by being written")
        } catch {
            failed("a bundle that was read cannot be written and read: \(error)")
        }
    }
}
