import ArgumentParser
import JSONDocuments
import ModelRegistry

struct ModelsTrafficCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "traffic",
        abstract: "Show or change where a model's requests go besides its champion.",
        discussion: """
            A canary answers a share of the requests that name no version, chosen by the hash of the record's key: the same \
            key always meets the same version, and a larger share only adds keys. A shadow answers all of them too, to a topic \
            of its own. Without an option the rule is shown.

            EXAMPLES
              millrace models traffic digits
              millrace models traffic digits --canary 3 --share 10%
              millrace models traffic digits --shadow 4 --shadow-topic digits-shadow
              millrace models traffic digits --no-canary
              millrace models traffic digits --clear
            """)

    @Argument(help: "The model.")
    var name: String

    @Option(help: ArgumentHelp("The version that answers a share of the requests.", valueName: "version"))
    var canary: Int?

    @Option(help: ArgumentHelp("The canary's share, in steps of 0.01 %.", valueName: "percent"))
    var share: String?

    @Flag(help: "End the canary.")
    var noCanary = false

    @Option(help: ArgumentHelp("The version that answers every request too.", valueName: "version"))
    var shadow: Int?

    @Option(help: ArgumentHelp("Where the shadow's answers go.", valueName: "topic"))
    var shadowTopic: String?

    @Flag(help: "End the shadow.")
    var noShadow = false

    @Flag(help: "End both.")
    var clear = false

    @OptionGroup var operatorOptions: OperatorOptions
    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    private var isChange: Bool {
        canary != nil || share != nil || noCanary || shadow != nil || shadowTopic != nil || noShadow || clear
    }

    func validate() throws {
        let ends = [(noCanary, "--no-canary"), (noShadow, "--no-shadow"), (clear, "--clear")].filter(\.0).map(\.1)
        if clear, canary != nil || shadow != nil || share != nil || shadowTopic != nil || ends.count > 1 {
            throw ValidationError("--clear ends both; it goes with no other option")
        }
        if noCanary, canary != nil || share != nil {
            throw ValidationError("--no-canary and --canary exclude each other")
        }
        if noShadow, shadow != nil || shadowTopic != nil {
            throw ValidationError("--no-shadow and --shadow exclude each other")
        }
        if canary != nil, share == nil { throw ValidationError("--canary needs --share, for example --share 10%") }
        if (shadow == nil) != (shadowTopic == nil) {
            throw ValidationError("--shadow and --shadow-topic need each other")
        }
        for number in [canary, shadow].compactMap({ $0 }) where number < 1 {
            throw ValidationError("found version \(number), expected a positive number")
        }
        if let share, TrafficText.share(share) == nil {
            throw ValidationError("--share: found \"\(share)\", expected 0.01 to 100 percent in steps of 0.01")
        }
        if let shadowTopic, !isTopic(shadowTopic) {
            throw ValidationError(
                "--shadow-topic: found \"\(shadowTopic)\", expected \(ConfigurationValueType.topic.expected)")
        }
    }

    func run() async throws {
        let session = try registry.open()
        guard isChange else {
            let rule = try await session.state().model(name).traffic?.rule ?? TrafficRule()
            return print(rule, isChange: false, "")
        }
        var problem: CommandFailure?
        let outcome = try await session.write(as: operatorOptions.effectiveName) { state in
            try state.trafficChange(name) { rule in
                problem = apply(to: &rule)
            }
        }
        if let problem { throw problem }
        print(outcome.rule, isChange: outcome.isChange, outcome.isChange ? "now: " : "nothing to do; ")
    }

    private func apply(to rule: inout TrafficRule) -> CommandFailure? {
        if clear { rule = TrafficRule() }
        if noCanary { rule.canary = nil }
        if noShadow { rule.shadow = nil }
        if let share = share.flatMap(TrafficText.share) {
            guard let number = canary ?? rule.canary?.number else {
                return CommandFailure(.usage, "--share: \(name) has no canary; name one with --canary")
            }
            rule.canary = .init(number: number, share: share)
        }
        if let shadow, let shadowTopic { rule.shadow = .init(number: shadow, topic: shadowTopic) }
        return nil
    }

    private func print(_ rule: TrafficRule, isChange: Bool, _ prefix: String) {
        var document: [String: JSONValue] = ["name": .string(name), "changed": .bool(isChange)]
        if case .object(let members) = TrafficText.document(rule) { document.merge(members) { $1 } }
        format.print(.object(document)) { "\(name): \(prefix)\(TrafficText.describe(rule))" }
    }
}

/// Traffic rules as people and programs read them.
enum TrafficText {
    /// `10%`, `10`, `0.05%` in 1/10,000; nil when it is none of 0.01 to 100 percent.
    static func share(_ text: String) -> Int? {
        let number = text.hasSuffix("%") ? text.dropLast() : text[...]
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isDigit) }),
            parts[0].count <= 3, let whole = Int(parts[0])
        else { return nil }
        let fraction = parts.count == 2 ? parts[1] : "0"
        guard fraction.count <= 2, let hundredths = Int(fraction) else { return nil }
        let share = whole * 100 + (fraction.count == 1 ? hundredths * 10 : hundredths)
        return (1...TrafficRule.bucketCount).contains(share) ? share : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    static func percent(_ share: Int) -> String {
        let fraction = share % 100
        if fraction == 0 { return "\(share / 100)%" }
        return "\(share / 100).\(fraction < 10 ? "0" : "")\(fraction)%"
    }

    static func describe(_ rule: TrafficRule) -> String {
        var parts: [String] = []
        if let canary = rule.canary {
            parts.append("canary \(canary.number) gets \(percent(canary.share)) of the keys")
        }
        if let shadow = rule.shadow { parts.append("shadow \(shadow.number) answers to \(shadow.topic)") }
        return parts.isEmpty ? "all to the champion" : parts.joined(separator: ", ")
    }

    static func document(_ rule: TrafficRule) -> JSONValue {
        .object([
            "canary": rule.canary.map {
                ["version": .integer(Int64($0.number)), "share": .integer(Int64($0.share))]
            } ?? .null,
            "shadow": rule.shadow.map { ["version": .integer(Int64($0.number)), "topic": .string($0.topic)] } ?? .null,
        ])
    }
}
