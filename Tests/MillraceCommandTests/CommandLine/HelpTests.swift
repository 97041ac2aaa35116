import Testing

/// What `--help` says of every command.
@Suite struct HelpTests {
    static let configuration = ["--config", "--bootstrap-servers", "--log-level", "--log-format", "--set"]
    static let commands: [(path: [String], mentions: [String])] = [
        (
            [],
            [
                "demo", "serve", "predict", "infer", "train", "models", "offsets", "replay", "dlq", "doctor", "config",
                "health",
                "bench", "completions",
                "--version", "EXIT CODES",
            ]
        ),
        (["demo"], ["--train", "--data", "--seed", "--maximum-wait", "--plot", "--verbose", "--output"]),
        (["serve"], configuration),
        (["predict"], ["<model>", "--request", "--inputs", "--output", "--batch"]),
        (["infer"], ["--request", "--model", "--key", "--topic", "--timeout", "--header"] + configuration),
        (
            ["models"],
            [
                "import", "list", "show", "promote", "rollback", "unalias", "retire", "traffic", "diff", "events",
                "answered-by", "gc", "reproduce",
            ]
        ),
        (["train"], ["run", "submit", "status", "cancel", "events"]),
        (["train", "run"], ["<file>", "--dataset", "--base", "--bundle", "--plot", "--output"]),
        (
            ["train", "submit"],
            [
                "<file>", "--job", "--wait", "--timeout", "--maximum-wait", "--plot", "--requests-topic",
                "--events-topic", "--output",
            ] + configuration
        ),
        (["train", "status"], ["<job>", "--model", "--from", "--events-topic", "--output"] + configuration),
        (["train", "cancel"], ["<job>", "--timeout", "--requests-topic", "--output"] + configuration),
        (["train", "events"], ["<job>", "--follow", "--plot", "--events-topic", "--output"] + configuration),
        (["models", "reproduce"], ["<name>", "<version>", "--dataset", "--store", "--output"] + configuration),
        (
            ["models", "import"],
            [
                "<file>", "--name", "--alias", "--metadata", "--quantize", "--calibration", "--operator", "--store",
                "--offline", "--output",
            ]
                + configuration
        ),
        (["models", "list"], ["<name>", "--retired", "--store", "--offline", "--output"] + configuration),
        (
            ["models", "answered-by"],
            ["<topic/partition/offset>", "--result", "--results-topic", "--output"] + configuration
        ),
        (
            ["replay"],
            [
                "--topic", "--from", "--to", "--partitions", "--model", "--verify", "--output-topic", "--results-topic",
                "--name", "--restart", "--execute", "--ignore-header", "--differences", "--output",
            ] + configuration
        ),
        (["dlq"], ["list", "show", "redrive"]),
        (
            ["dlq", "list"],
            ["--topic", "--error", "--model", "--partition", "--from", "--to", "--maximum"] + configuration
        ),
        (["dlq", "show"], ["<topic/partition/offset>", "--raw", "--output"] + configuration),
        (["dlq", "redrive"], ["--execute", "--again", "--limit", "--error", "--from", "--to"] + configuration),
        (["doctor"], ["--timeout", "--all", "--output"] + configuration),
        (["models", "show"], ["<name[@version]>", "--store", "--output"] + configuration),
        (
            ["models", "promote"],
            ["<name>", "<version>", "--alias", "--if-agreement", "--operator", "--output"] + configuration
        ),
        (["models", "rollback"], ["<name>", "--alias", "--operator", "--output"] + configuration),
        (["models", "unalias"], ["<name>", "<alias>", "--operator", "--output"] + configuration),
        (["models", "gc"], ["--grace", "--keep-retired", "--execute", "--store", "--output"] + configuration),
        (["models", "retire"], ["<name>", "<version>", "--operator", "--output"] + configuration),
        (
            ["models", "traffic"],
            [
                "<name>", "--canary", "--share", "--no-canary", "--shadow", "--shadow-topic", "--no-shadow", "--clear",
                "--operator", "--output",
            ] + configuration
        ),
        (["models", "diff"], ["<name[@version]>", "--store", "--output"] + configuration),
        (["models", "events"], ["--follow", "--model", "--output"] + configuration),
        (["config"], ["show", "check"]),
        (["config", "show"], ["--output"] + configuration),
        (["config", "check"], configuration),
        (["health"], ["--url", "--timeout"]),
        (["offsets"], ["list", "describe", "reset", "delete", "export"]),
        (["offsets", "list"], ["--state", "--output"] + configuration),
        (["offsets", "describe"], ["--group", "--all-groups", "--members", "--state", "--output"] + configuration),
        (
            ["offsets", "reset"],
            [
                "--to-earliest", "--to-latest", "--to-offset", "--to-current", "--shift-by", "--to-datetime",
                "--by-duration", "--from-file", "--topic", "--all-topics", "--group", "--all-groups", "--execute",
                "--dry-run", "--export", "--output",
            ] + configuration
        ),
        (
            ["offsets", "delete"],
            ["--topic", "--all-topics", "--group-itself", "--group", "--execute", "--dry-run"] + configuration
        ),
        (["offsets", "export"], ["--topic", "--group", "--all-groups", "--output"] + configuration),
        (["completions"], ["<shell>"]),
        (["bench"], ["codec", "engine", "kernels", "training"]),
        (["bench", "training"], ["--models", "--optimizers", "--batch", "--threads", "--seconds", "--output"]),
        (
            ["bench", "engine"],
            ["<model>", "--batch", "--threads", "--seconds", "--sequence", "--instruction-set", "--output"]
        ),
        (["bench", "codec"], ["--numbers", "--rounds", "--output"]),
        (["bench", "kernels"], ["--output"]),
    ]

    @Test(arguments: commands)
    func `help names every option and shows examples`(path: [String], mentions: [String]) async throws {
        let output = try await BinaryRunner.run(path + ["--help"])
        #expect(output.exitCode == 0)
        #expect(output.stderr.isEmpty)
        for word in ["OVERVIEW: ", "EXAMPLES\n"] + mentions {
            #expect(output.stdout.contains(word), "\(word) is missing")
        }
        let lines = output.stdout.split(separator: "\n", omittingEmptySubsequences: false)
        let examples = lines.drop { $0 != "EXAMPLES" }.dropFirst().prefix { !$0.isEmpty }
        #expect(!examples.isEmpty)
        // An example that is wrapped cannot be pasted.
        for line in examples { #expect(line.hasPrefix("  ") && line.contains("millrace "), "\(line)") }
    }

    @Test func `the version is one line`() async throws {
        let output = try await BinaryRunner.run(["--version"])
        #expect(output.exitCode == 0)
        #expect(output.stdout.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
    }

    @Test(arguments: [
        (["bogus"], "bogus"),
        (["predict"], "<model>"),
        (["predict", "m.h5"], "--request"),
        (["predict", "m.h5", "--inputs", "a.npz", "--request", "r.json"], "--request"),
        (["predict", "m.h5", "--inputs", "a.npz", "--batch", "0"], "--batch"),
        (["predict", "m.h5", "--inputs", "a.npz", "--output", "o.csv"], "o.csv"),
        (["infer"], "--request"),
        (["infer", "--request", "r.json", "--timeout", "0"], "--timeout"),
        (["serve", "--nonsense"], "--nonsense"),
        (["models", "list", "--output", "xml"], "xml"),
        (["models", "import"], "<file>"),
        (["health", "--url", "ftp://x"], "ftp://x"),
        (["bench", "codec", "--rounds", "0"], "--rounds"),
        (["bench", "engine", "m.onnx", "--batch", "1,x"], "--batch"),
        (["bench", "engine", "m.onnx", "--instruction-set", "sse"], "--instruction-set"),
        (["offsets", "reset", "--topic", "t"], "found none"),
        (["offsets", "reset", "--topic", "t", "--to-earliest", "--shift-by", "-1"], "--to-earliest, --shift-by"),
        (["offsets", "reset", "--to-earliest"], "--all-topics"),
        (["offsets", "reset", "--to-earliest", "--topic", "t", "--all-topics"], "both"),
        (["offsets", "reset", "--to-earliest", "--topic", "t:x"], "t:x"),
        (["offsets", "reset", "--to-earliest", "--topic", "t", "--execute", "--dry-run"], "both"),
        (["offsets", "reset", "--from-file", "f.csv", "--topic", "t"], "--from-file"),
        (["offsets", "reset", "--all-topics", "--to-datetime", "2026-03-01T06:00:00.000"], "no zone"),
        (["offsets", "reset", "--all-topics", "--by-duration", "6h"], "PnDTnHnMnS"),
        (["offsets", "reset", "--all-topics", "--to-latest", "--group", "g", "--all-groups"], "both"),
        (["offsets", "delete", "--group", "g"], "--group-itself"),
        (["offsets", "describe", "--members", "--state"], "both"),
        (["offsets", "list", "--state", "busy"], "busy"),
    ])
    func `a wrong command line is refused by name`(arguments: [String], mentions: String) async throws {
        let output = try await BinaryRunner.run(arguments)
        #expect(output.exitCode == 2)
        #expect(output.stdout.isEmpty)
        #expect(output.stderr.contains(mentions), "\(output.stderr)")
    }
}
