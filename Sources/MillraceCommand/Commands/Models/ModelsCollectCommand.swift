import ArgumentParser
import JSONDocuments
import ModelRegistry

struct ModelsCollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Remove bundles that no version needs; shows which unless told to execute it.",
        discussion: """
            Garbage are the bundles of retired versions and those that killed imports left. A bundle is stored before its \
            version is announced, so that young ones are spared. Replays of requests that a retired version answered need its \
            bundle: --keep-retired keeps those.

            EXAMPLES
              millrace models gc
              millrace models gc --grace 24h --keep-retired --execute
            """)

    @Option(help: "Spare bundles stored within this time.", transform: Self.duration)
    var grace = Duration.seconds(3600)

    @Flag(help: "Keep the bundles of retired versions.")
    var keepRetired = false

    @Flag(help: "Remove them.")
    var execute = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var format: OutputOptions

    func run() async throws {
        let session = try registry.open()
        let state = try await session.state()
        // Versions that were imported without brokers may not be announced yet.
        var kept = Set(try StoreVersions.records(in: session.storePath).map(\.digest))
        for model in state.models.values {
            for version in model.versions.values {
                if version.isRetired, !keepRetired {
                    kept.remove(version.record.digest)
                } else {
                    kept.insert(version.record.digest)
                }
            }
        }
        let artifacts = try session.artifacts()
        let found = try await artifacts.collect(keeping: kept, grace: grace, isDryRun: !execute)
        if execute, !session.isOffline, !found.removed.isEmpty {
            await AdminAction.record(
                "models.gc", target: artifacts.location, details: ["bundles": "\(found.removed.count)"],
                in: RegistryJournal(try registry.options.load().configuration))
        }
        let document = JSONValue.object([
            "removed": .array(found.removed.map { .string($0) }), "spared": .array(found.spared.map { .string($0) }),
            "leftovers": .integer(Int64(found.leftovers)), "executed": .bool(execute),
        ])
        format.print(document) {
            let lines =
                found.removed.map { "\(execute ? "removed" : "garbage")  \($0)" }
                + found.spared.map { "too young  \($0)" }
            let summary =
                execute
                ? "\(found.removed.count) bundles and \(found.leftovers) leftovers removed from \(artifacts.location)"
                : "\(found.removed.count) bundles would be removed from \(artifacts.location); do so with --execute"
            return (lines + [summary]).joined(separator: "\n")
        }
    }

    private static func duration(_ text: String) throws -> Duration {
        guard let duration = DurationText.parse(text) else {
            throw ValidationError("--grace: found \"\(text)\", expected a number with a unit, as 90m or 24h")
        }
        return duration
    }
}
