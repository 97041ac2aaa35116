package import JSONDocuments
package import ModelRegistry
package import Training

/// Whether a new version becomes an alias's, and by what that was decided.
package struct PromotionCandidate: Sendable {
    private struct Incumbent {
        let version: ModelVersion
        let value: Double?
        let failure: String?
    }

    private let rule: PromotionRule?
    private let value: Double?
    private var incumbent: Incumbent?

    package init(_ rule: PromotionRule?, metrics: [Metric: Double]) {
        self.rule = rule
        value = rule?.condition.flatMap { metrics[$0.metric] }
    }

    package var alias: String? { rule?.alias }

    package var isPromoted: Bool {
        guard let rule else { return false }
        if incumbent?.failure != nil { return false }
        return rule.promotes(value, incumbent: incumbent?.value)
    }

    private var comparesIncumbent: Bool { rule?.condition?.threshold == .incumbent }

    private func incumbent(in model: RegistryState.Model?) -> ModelVersion? {
        guard let alias, let model else { return nil }
        let number = alias == AliasName.champion ? model.champion : model.aliases[alias]?.number
        return number.flatMap { model.versions[$0]?.record.version }
    }

    /// The version to compare with, when it is not the one that was compared.
    package func unjudgedIncumbent(_ state: RegistryState, _ model: String) -> ModelVersion? {
        guard comparesIncumbent, let version = incumbent(in: state.models[model]), version != incumbent?.version else {
            return nil
        }
        return version
    }

    package mutating func judge(_ version: ModelVersion, _ reports: [EvaluationReport]) {
        judge(version, FoldSummary.summaries(reports))
    }

    package mutating func judge(_ version: ModelVersion, _ folds: [Metric: FoldSummary]) {
        let value = rule?.condition.flatMap { folds[$0.metric]?.mean }
        incumbent = Incumbent(version: version, value: value, failure: nil)
    }

    package mutating func judge(_ version: ModelVersion, failed reason: String) {
        incumbent = Incumbent(version: version, value: nil, failure: reason)
    }

    /// Whether the alias still means what the candidate was compared with.
    package func isStillAgainst(_ model: RegistryState.Model?) -> Bool {
        !comparesIncumbent || incumbent(in: model) == incumbent?.version
    }

    /// A version that is not promoted must not come to serve by being the highest: an implied champion is made explicit.
    package func pins(_ model: RegistryState.Model?, _ identity: ModelVersion.Identity) -> [RegistryEvent.Change] {
        if isPromoted, alias == AliasName.champion { return [] }
        guard let model, model.aliases[AliasName.champion] == nil, let latest = model.latest else { return [] }
        return [.aliasSet(model: identity.name, alias: AliasName.champion, number: latest, previous: nil)]
    }

    /// Nil without a rule.
    package var json: JSONValue? {
        guard let rule else { return nil }
        var members: [String: JSONValue] = ["alias": .string(rule.alias)]
        if let condition = rule.condition { members["metric"] = .string(condition.metric.rawValue) }
        if let value { members["value"] = .real(value) }
        if let incumbent {
            members["incumbent"] = .integer(Int64(incumbent.version.identity.number))
            if let value = incumbent.value { members["incumbent_value"] = .real(value) }
            if let failure = incumbent.failure { members["incumbent_error"] = .string(String(failure.prefix(1024))) }
        }
        return .object(members)
    }
}
