public import JSONDocuments

/// A search for hyperparameters as a function: from the results so far to what to run next. Whoever has the same spec,
/// seed and results comes to the same trials, in whatever order the results came.
public struct Search: Sendable {
    /// One run of a training request with these values in it.
    public struct Trial: Sendable, Hashable {
        public let id: Int
        public let values: [SearchPath: JSONValue]
        /// Epochs, or what else successive halving spends; nil elsewhere.
        public let resource: Int?
        /// The trial of the round before that has the same values, which this one may continue.
        public let predecessor: Int?
    }

    public enum Next: Sendable, Hashable {
        /// The trials that are due and have no result yet, in the order of their ids; more may follow them.
        case run([Trial])
        /// All is known; nil when every trial failed.
        case finished(best: Trial?)
    }

    public let spec: SearchSpec
    public let seed: UInt64

    public init(_ spec: SearchSpec, seed: UInt64) {
        self.spec = spec
        self.seed = seed
    }

    /// What to run next.
    /// - Parameter results: the metric of each trial that has ended, by its id; nil and NaN for one that failed.
    public func next(_ results: [Int: Double?]) -> Next {
        var round = firstRound()
        while true {
            let open = round.filter { results[$0.id] == nil }
            guard open.isEmpty else { return .run(open) }
            let ranked = ranked(round, results)
            guard case .successiveHalving(_, let reduction, _, let most) = spec.strategy,
                let spent = round.first?.resource, spent < most, !ranked.isEmpty
            else { return .finished(best: ranked.first) }
            let kept = ranked.prefix(max(1, round.count / reduction))
            let firstID = (round.last?.id ?? 0) + 1
            let (product, overflow) = spent.multipliedReportingOverflow(by: reduction)
            round = kept.enumerated().map { index, trial in
                Trial(
                    id: firstID + index, values: trial.values, resource: overflow ? most : min(product, most),
                    predecessor: trial.id)
            }
        }
    }

    /// The trials of a round from the best to the worst, those that failed left out, ties in the order of their ids.
    private func ranked(_ round: [Trial], _ results: [Int: Double?]) -> [Trial] {
        let scored = round.compactMap { trial -> (trial: Trial, score: Double)? in
            guard let score = results[trial.id] ?? nil, !score.isNaN else { return nil }
            return (trial, score)
        }
        return scored.sorted { left, right in
            left.score == right.score
                ? left.trial.id < right.trial.id : spec.direction.prefers(left.score, to: right.score)
        }.map(\.trial)
    }

    private func firstRound() -> [Trial] {
        switch spec.strategy {
        case .grid: grid()
        case .random(let trials): drawn(trials, resource: nil)
        case .successiveHalving(let trials, _, let least, _): drawn(trials, resource: least)
        }
    }

    /// A parameter's value comes from a stream of its own, so that one more parameter changes none of the others.
    private func drawn(_ count: Int, resource: Int?) -> [Trial] {
        (0..<count).map { id in
            var values: [SearchPath: JSONValue] = [:]
            for (path, parameter) in spec.parameters {
                var random = RandomSource(seed: seed, stream: "search \(path)", id)
                values[path] = parameter.draw(&random)
            }
            return Trial(id: id, values: values, resource: resource, predecessor: nil)
        }
    }

    /// Every combination, the last path's values changing fastest.
    private func grid() -> [Trial] {
        let paths = spec.parameters.keys.sorted()
        var combinations: [[SearchPath: JSONValue]] = [[:]]
        for path in paths {
            guard let parameter = spec.parameters[path] else { continue }
            let values = (0..<(parameter.gridCount ?? 1)).map { parameter.gridValue($0) }
            guard combinations.count * values.count <= SearchSpec.maximumTrials else { break }
            combinations = combinations.flatMap { combination in
                values.map { value in
                    var combination = combination
                    combination[path] = value
                    return combination
                }
            }
        }
        return combinations.enumerated().map { id, values in
            Trial(id: id, values: values, resource: nil, predecessor: nil)
        }
    }

    /// The training request with a trial's values, and what it may spend, in their places.
    /// - Throws: ``JSONError`` for a path that leads nowhere.
    public func request(_ base: JSONValue, for trial: Trial) throws(JSONError) -> JSONValue {
        var request = base
        for (path, value) in trial.values.sorted(by: { $0.key < $1.key }) {
            request = try path.setting(value, in: request)
        }
        if let amount = trial.resource, let path = spec.resource {
            request = try path.setting(.integer(Int64(amount)), in: request)
        }
        return request
    }
}
