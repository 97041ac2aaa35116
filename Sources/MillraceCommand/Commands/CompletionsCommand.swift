import ArgumentParser
import ModelRegistry

/// `millrace completions`.
struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print a script that completes millrace's commands in a shell.",
        discussion: """
            Commands, options, files, the model names of the store, and the topics and the group of the configuration. \
            Nothing asks a broker, so that the keyboard never waits for one.

            EXAMPLES
              millrace completions bash > millrace.bash
              millrace completions zsh > ~/.zfunc/_millrace
              millrace completions fish > ~/.config/fish/completions/millrace.fish
            """)

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish
    }

    func run() {
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        Console.print(Millrace.completionScript(for: kind))
    }
}

/// What a shell suggests for values that only the configuration and the store know. Never fails and never waits: what
/// cannot be read suggests nothing.
enum Completions {
    /// The topics of the configuration.
    static let topics = CompletionKind.custom { words, _, _ in
        guard let topics = configuration(words)?.topics else { return [] }
        return topics.requests + [topics.results] + topics.requests.map { $0 + topics.deadLetterSuffix }
    }

    /// The service's own group.
    static let groups = CompletionKind.custom { words, _, _ in
        configuration(words).map { [$0.applicationID] } ?? []
    }

    /// Models of the store and their versions.
    static let models = CompletionKind.custom { words, _, _ in
        let store = value(of: "--store", in: words) ?? configuration(words)?.models.store
        guard let store, let versions = try? StoreVersions.records(in: store) else { return [] }
        return Set(versions.map(\.identity.name)).sorted() + versions.map(\.identity.description).sorted()
    }

    /// Of the file that the command line names, or that it would take by itself.
    private static func configuration(_ words: [String]) -> MillraceConfiguration? {
        let arguments = value(of: "--config", in: words).map { ["--config", $0] } ?? []
        return try? ConfigurationOptions.parse(arguments).load().configuration
    }

    private static func value(of option: String, in words: [String]) -> String? {
        for (index, word) in words.enumerated() {
            if word == option, index + 1 < words.count { return words[index + 1] }
            if word.hasPrefix(option + "=") { return String(word.dropFirst(option.count + 1)) }
        }
        return nil
    }
}
