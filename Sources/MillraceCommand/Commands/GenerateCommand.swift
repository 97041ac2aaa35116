import ArgumentParser
import ModelFormats
import TensorEngine

/// `millrace generate`.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Continue a text with a decoder model, without a broker.",
        discussion: """
            The model is a GPT-2 as a Hugging Face folder or a bundle, with its tokenizer. Without --temperature the likeliest \
            token is taken; with it, tokens are drawn, the same ones for the same --seed.

            EXAMPLES
              millrace generate gpt2/ --prompt "Once upon a time" --tokens 64
              millrace generate gpt2/ --prompt "Once" --temperature 0.8 --top-k 40 --seed 7
            """)

    @Argument(
        help: ArgumentHelp("A Hugging Face folder or a bundle folder.", valueName: "model"), completion: .directory)
    var model: String

    @Option(help: "The text to continue.")
    var prompt: String

    @Option(help: "The most tokens to add.")
    var tokens = 64

    @Option(help: "How freely tokens are drawn; 0: the likeliest.")
    var temperature: Float = 0

    @Option(help: "Draw from so many of the likeliest tokens; 0: from all.")
    var topK = 0

    @Option(help: "Of the random numbers.")
    var seed: UInt64 = 0

    func validate() throws {
        guard tokens >= 1 else { throw ValidationError("--tokens: found \(tokens), expected at least 1") }
        guard temperature >= 0, temperature.isFinite else {
            throw ValidationError("--temperature: found \(temperature), expected 0 or more")
        }
        guard topK >= 0 else { throw ValidationError("--top-k: found \(topK), expected 0 or more") }
    }

    func run() throws {
        let graph = try IsolatedModelFile.open(model).graph
        guard let input = try TextInput(graph) else {
            throw CommandFailure(.usage, "\(model): the model has no tokenizer")
        }
        let generator = try TextGenerator(graph)
        let ids = try generator.generate(
            prompt: input.tokenizer.encode(prompt), count: tokens,
            sampling: .init(temperature: temperature, topK: topK, seed: seed))
        Console.write(Array((prompt + (input.tokenizer.decode(ids) ?? "") + "\n").utf8))
    }
}
