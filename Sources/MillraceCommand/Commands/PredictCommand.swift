import ArgumentParser
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine

/// `millrace predict`.
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Run a model file on a request or on arrays, without a broker.",
        discussion: """
            The model is a Keras .h5 or .keras file, an .onnx file, a bundle folder or a Hugging Face folder (config.json and safetensors; a model with \
            a tokenizer also takes text: the input "text" of BYTES). Inputs are either one request of the Open Inference Protocol \
            (JSON; strings are BYTES), or a NumPy archive whose arrays match the model's inputs by name; positional names (arr_0, arr_1, …) \
            match by position. Arrays of another numeric type are converted to the input's, as Keras does. Outputs keep the \
            model's order and names. Rows run in batches of --batch; their answers do not depend on it.

            EXAMPLES
              millrace predict model.h5 --request request.json
              millrace predict model.h5 --inputs images.npz --output probabilities.npz
            """)

    @Argument(
        help: ArgumentHelp(
            "A .h5, .keras or .onnx file, a bundle folder or a Hugging Face folder.", valueName: "model"),
        completion: .file())
    var model: String

    @Option(
        help: ArgumentHelp("An inference request as JSON; - reads standard input.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var request: String?

    @Option(
        help: ArgumentHelp("A .npz archive of input arrays.", valueName: "file"),
        completion: .file(extensions: ["npz"]))
    var inputs: String?

    @Option(
        help: ArgumentHelp("Where to write: .json or .npz; default: JSON to standard output.", valueName: "file"),
        completion: .file(extensions: ["json", "npz"]))
    var output: String?

    @Option(help: "Rows that run together.")
    var batch = 128

    func validate() throws {
        guard (request == nil) != (inputs == nil) else {
            throw ValidationError("expected one of --request and --inputs")
        }
        guard batch >= 1 else { throw ValidationError("--batch: found \(batch), expected at least 1") }
        if let output, !output.hasSuffix(".json"), !output.hasSuffix(".npz") {
            throw ValidationError("--output: found \"\(output)\", expected a name that ends in .json or .npz")
        }
    }

    func run() throws {
        let imported = try IsolatedModelFile.open(model)
        let graph = try CompiledGraph(imported.graph)
        let codec = RequestCodec(limits: .init())
        let request = try readRequest(for: graph, codec).tokenized(
            by: TextInput(imported.graph), for: graph.inputs)
        let match = try SignatureMatch(request, inputs: graph.inputs, outputs: graph.outputs)
        let outputs = try BatchedRun.run(graph, match, batch: batch)
        let named = match.outputIndices.map { NamedTensor(name: graph.outputs[$0].name, tensor: outputs[$0]) }
        if let output, output.hasSuffix(".npz") {
            try NumPyArchive.write(named.map { ($0.name, $0.tensor) }, to: output)
            return
        }
        let response = InferenceResponse(
            modelName: ModelImport.defaultName(of: model), modelVersion: nil, id: request.id, outputs: named)
        let message = try codec.encode(response, as: request.encoding)
        if let output {
            try OutputFile.write(message.value, to: output)
        } else {
            Console.write(message.value + [UInt8(ascii: "\n")])
        }
    }

    private func readRequest(for graph: CompiledGraph, _ codec: RequestCodec) throws -> InferenceRequest {
        if let request {
            let bytes = try InputFile.read(request, limit: codec.limits.maximumBytes)
            return try codec.decode(value: bytes[...], headers: NoHeaders(), using: DecodeScratch())
        }
        let arrays = try NumPyArchive.read(inputs ?? "")
        return InferenceRequest(inputs: try ArrayInputs.match(arrays, to: graph.inputs))
    }
}

/// A request that came from a file has no record around it.
struct NoHeaders: HeaderFields {
    func firstValue(named name: String) -> ArraySlice<UInt8>? { nil }
}
