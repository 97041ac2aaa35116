import Foundation
import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// Against transformers: `Tests/Fixtures/huggingface/make_models.py`.
@Suite struct HuggingFaceTests {
    static let names = [
        "bert", "bert-sharded-bf16", "bert-classifier", "bert-masked-lm", "bert-tokens", "bert-questions", "distilbert",
        "distilbert-classifier", "roberta", "roberta-classifier", "gpt2",
    ]

    private func open(_ name: String) throws -> ImportedModel {
        try ModelFile.open(Fixtures.path("huggingface/models/\(name)"))
    }

    @Test(arguments: names) func answersAsTransformers(_ name: String) throws {
        let model = try open(name)
        #expect(model.source.framework == "transformers")
        let arrays = try Fixtures.arrays("huggingface/models/\(name)/reference.npz")
        let found = try run(model.graph, arrays)
        try #require(!found.isEmpty)
        for (output, tensor) in found {
            let expected = try #require(arrays["out_\(output)"], "\(output)")
            #expect(tensor.shape == expected.shape)
            #expect(try largestDifference(tensor, expected) < 1e-5, "\(name): \(output)")
        }
    }

    @Test(arguments: names) func survivesABundle(_ name: String) throws {
        let model = try open(name)
        let folder = try TemporaryFolder()
        let manifest = Manifest(name: "m", graph: model.graph, source: model.source, createdAt: "2024-05-06T07:08:09Z")
        try ModelBundle(manifest: manifest, graph: model.graph).write(to: "\(folder.path)/m")
        let arrays = try Fixtures.arrays("huggingface/models/\(name)/reference.npz")
        let (direct, bundled) = (
            try run(model.graph, arrays), try run(ModelFile.open("\(folder.path)/m").graph, arrays)
        )
        for (output, tensor) in direct {
            #expect(try bundled[output]?.elements(as: Float.self) == tensor.elements(as: Float.self))
        }
    }

    /// Rows alone, in a batch, and with more padding have the same bits.
    @Test(arguments: ["bert", "roberta", "distilbert", "gpt2"], InstructionSet.available)
    func neitherBatchNorPaddingChangesABit(_ name: String, _ set: InstructionSet) throws {
        let graph = try open(name).graph
        let choice: CompilationOptions.InstructionSetChoice =
            set == .avx512 ? .avx512 : set == .avx2 ? .avx2 : .baseline
        let compiled = try CompiledGraph(graph, options: .init(instructionSet: choice))
        let arrays = try Fixtures.arrays("huggingface/models/\(name)/reference.npz")
        let lengths = [9, 6, 2]
        func rows(_ rows: [Int], length: Int) throws -> [[UInt32]] {
            let tensors = try graph.inputs.map { input -> Tensor in
                let values = try #require(arrays[input.name]).elements(as: Int64.self)
                let padding: Int64 = input.name == "input_ids" && name == "roberta" ? 1 : 0
                let elements = rows.flatMap { row in
                    (0..<length).map { $0 < lengths[row] ? values[row * 9 + $0] : padding }
                }
                return try Tensor(shape: Shape([rows.count, length]), elements: elements)
            }
            let plan = try compiled.plan(inputShapes: tensors.map(\.shape))
            let output = try ExecutionContext().run(plan, inputs: tensors)[0]
            let width = output.shape[2]
            let bits = try output.elements(as: Float.self).map(\.bitPattern)
            return rows.indices.map { index in
                Array(bits[(index * length * width)..<((index * length + lengths[rows[index]]) * width)])
            }
        }
        let alone = try (0..<3).map { try rows([$0], length: lengths[$0])[0] }
        for (batch, length) in [([0, 1, 2], 9), ([2, 1, 0, 1], 16), ([1, 1, 2, 2, 0], 33), ([2], 64)] {
            for (row, bits) in zip(batch, try rows(batch, length: length)) {
                #expect(bits == alone[row], "\(name): row \(row) of \(batch), padded to \(length)")
            }
        }
    }

    @Test func generatesTheReferenceTokens() throws {
        let generator = try TextGenerator(try open("gpt2").graph)
        let arrays = try Fixtures.arrays("huggingface/models/gpt2/reference.npz")
        let prompt = try #require(arrays["prompt"]).elements(as: Int64.self).map { Int32($0) }
        let expected = try #require(arrays["greedy"]).elements(as: Int64.self).map { Int32($0) }
        try #require(expected.count == 64)
        #expect(try generator.generate(prompt: prompt, count: 64) == expected)
        // The cache of the run before leaves no trace.
        #expect(try generator.generate(prompt: prompt, count: 3) == Array(expected.prefix(3)))
        #expect(try generator.generate(prompt: prompt, count: 500).count == 128 - prompt.count + 1)
        #expect(try generator.generate(prompt: prompt, count: 64, end: expected[4]).last == expected[4])
        let drawn = try generator.generate(prompt: prompt, count: 40, sampling: .init(temperature: 3, seed: 7))
        #expect(try generator.generate(prompt: prompt, count: 40, sampling: .init(temperature: 3, seed: 7)) == drawn)
        #expect(try generator.generate(prompt: prompt, count: 40, sampling: .init(temperature: 3, seed: 8)) != drawn)
        #expect(
            try generator.generate(prompt: prompt, count: 9, sampling: .init(temperature: 1, topK: 1))
                == Array(expected.prefix(9)))
        #expect(throws: GraphError.self) { try generator.generate(prompt: [], count: 1) }
        #expect(throws: GraphError.self) { try generator.generate(prompt: [120], count: 1) }
        let encoder = try open("bert").graph
        #expect(throws: GraphError.self) { try TextGenerator(encoder) }
    }

    @Test func continuesText() throws {
        let graph = try open("gpt2-text").graph
        let input = try #require(try TextInput(graph))
        let generator = try TextGenerator(graph)
        let reference = try TokenizerTests.document("../models/gpt2-text/texts.json")
        for (text, output) in zip(
            try reference.member("texts").elements(), try reference.member("outputs").elements())
        {
            let ids = try generator.generate(prompt: input.tokenizer.encode(try text.string()), count: 20)
            #expect(try input.tokenizer.decode(ids) == output.string())
        }
    }

    /// A folder with the older vocabulary files instead of tokenizer.json gives the same ids.
    @Test(arguments: [("sentence", "wordpiece-uncased", "vocab.txt"), ("gpt2-text", "bpe-gpt2", "merges.txt")])
    func readsVocabularyFiles(_ name: String, _ tokenizer: String, _ file: String) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/m"
        try FileManager.default.copyItem(atPath: Fixtures.path("huggingface/models/\(name)"), toPath: path)
        try FileManager.default.removeItem(atPath: "\(path)/tokenizer.json")
        for file in file == "merges.txt" ? ["vocab.json", file] : [file] {
            try FileManager.default.copyItem(
                atPath: Fixtures.path("huggingface/tokenizers/\(tokenizer)/\(file)"), toPath: "\(path)/\(file)")
        }
        let found = try #require(try TextInput(try ModelFile.open(path).graph)).tokenizer
        let expected = try TextTokenizer(TokenizerTests.document("\(tokenizer)/tokenizer.json"))
        for text in try TokenizerTests.document("expected.json").member("texts").elements() {
            let text = try text.string()
            #expect(found.encode(text) == expected.encode(text), "\(text.debugDescription.prefix(100))")
        }
    }

    @Test func idsOutsideTheirTableFailTheRun() throws {
        let graph = try open("bert").graph
        for (id, type, mention) in [(Int64(120), Int64(0), "id 120"), (-1, 0, "id -1"), (5, 2, "type 2")] {
            let tensor = try Tensor(shape: [1, 2], elements: [3, id])
            let inputs = [
                "input_ids": tensor, "attention_mask": try Tensor(shape: [1, 2], elements: [1, 1] as [Int64]),
                "token_type_ids": try Tensor(shape: [1, 2], elements: [0, type]),
            ]
            let error = #expect(throws: GraphError.self) { try run(graph, inputs) }
            #expect(error?.kind == .invalidValue)
            #expect(error?.description.contains(mention) == true, "\(String(describing: error))")
        }
    }

    // MARK: Bad folders

    private func altered(_ name: String, _ change: (String) throws -> Void) throws -> ModelFormatError {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/m"
        try FileManager.default.copyItem(atPath: Fixtures.path("huggingface/models/\(name)"), toPath: path)
        try change(path)
        return try error { _ = try ModelFile.open(path) }
    }

    private func replace(_ file: String, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try #require(text.contains(old), "\(old)")
        try text.replacingOccurrences(of: old, with: new).write(toFile: file, atomically: true, encoding: .utf8)
    }

    @Test(arguments: [
        (#""model_type": "bert""#, #""model_type": "t5""#, "t5"),
        (#""hidden_size": 24"#, #""hidden_size": 28"#, "word_embeddings"),
        (#""hidden_size": 24"#, #""hidden_size": -1"#, "hidden_size"),
        (#""hidden_size": 24"#, #""hidden_size": "x""#, "hidden_size"),
        (#""num_attention_heads": 4"#, #""num_attention_heads": 5"#, "multiple of the 5 heads"),
        (#""num_hidden_layers": 2"#, #""num_hidden_layers": 3"#, "encoder.layer.2"),
        (#""hidden_act": "gelu""#, #""hidden_act": "mish""#, "mish"),
        (#""BertModel""#, #""BertForPreTraining""#, "BertForPreTraining"),
        (#""hidden_size": 24,"#, "", "hidden_size"),
    ]) func refusesConfigurations(_ old: String, _ new: String, _ mention: String) throws {
        let error = try altered("bert") { try replace("\($0)/config.json", old, new) }
        #expect(error.description.contains(mention), "\(error)")
    }

    @Test func refusesBadShards() throws {
        let index = "model.safetensors.index.json"
        let (first, second) = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
        let name = "pooler.dense.bias"
        for outside in ["../x.safetensors", "/etc/passwd", "a/b", "..", ""] {
            let error = try altered("bert-sharded-bf16") {
                try replace("\($0)/\(index)", "\"\(second)\"", "\"\(outside)\"")
            }
            #expect(error.reason == .malformed && error.description.contains("same folder"), "\(error)")
        }
        let moved = try altered("bert-sharded-bf16") {
            try replace("\($0)/\(index)", "\"\(name)\": \"\(second)\"", "\"\(name)\": \"\(first)\"")
        }
        #expect(moved.description.contains(name) && moved.reason == .missing, "\(moved)")
        let twice = try altered("bert-sharded-bf16") { path in
            try FileManager.default.removeItem(atPath: "\(path)/\(second)")
            try FileManager.default.copyItem(atPath: "\(path)/\(first)", toPath: "\(path)/\(second)")
        }
        #expect(twice.description.contains("in another file as well"), "\(twice)")
        let absent = try altered("bert-sharded-bf16") { try FileManager.default.removeItem(atPath: "\($0)/\(second)") }
        #expect(absent.reason == .notFound, "\(absent)")
        let none = try altered("bert") { try FileManager.default.removeItem(atPath: "\($0)/model.safetensors") }
        #expect(none.reason == .missing, "\(none)")
    }

    // MARK: Text

    /// all-MiniLM-L6-v2, when `MILLRACE_TEST_MINILM` names its folder; `embeddings.json` beside the other fixtures has the texts
    /// and what sentence-transformers makes of them (`make_embeddings.py`).
    @Test(.enabled(if: ProcessInfo.processInfo.environment["MILLRACE_TEST_MINILM"] != nil))
    func embedsAsSentenceTransformers() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["MILLRACE_TEST_MINILM"])
        let reference = try TokenizerTests.document("../embeddings.json")
        let texts = try reference.member("texts").elements().map { try $0.string() }
        try #require(texts.count == 20)
        let model = try ModelFile.open(folder)
        let input = try #require(try TextInput(model.graph))
        let tensors = try input.tensors(texts, for: model.graph.inputs)
        let inputs = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.tensor) })
        let found = try #require(try run(model.graph, inputs)["sentence_embedding"]).elements(as: Float.self)
        for (index, row) in try reference.member("embeddings").elements().enumerated() {
            let expected = try row.elements().map { try $0.number() }
            let vector = found[(index * 384)..<((index + 1) * 384)].map(Double.init)
            let dot = zip(vector, expected).reduce(0) { $0 + $1.0 * $1.1 }
            let lengths = [vector, expected].map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            #expect(dot / lengths[0] / lengths[1] >= 0.99999, "\(texts[index])")
        }
    }
}
