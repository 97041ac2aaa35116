extension OperatorRegistry {
    /// Functions of elements, comparisons and reductions.
    static let elementwiseEntries: [String: Entry] = {
        var entries: [String: Entry] = [
            "BitwiseNot": Entry(BitwiseNotOperator.self, inputs: 1...1),
            "CumProd": Entry(CumulativeOperator.self, inputs: 2...2),
            "CumSum": Entry(CumulativeOperator.self, inputs: 2...2),
            "ArgMax": Entry(ArgExtremumOperator.self, inputs: 1...1),
            "ArgMin": Entry(ArgExtremumOperator.self, inputs: 1...1),
            "PRelu": Entry(VariadicOperator.self, inputs: 2...2),
            "Where": Entry(WhereOperator.self, inputs: 3...3),
        ]
        for name in ScalarFunction.names where !UnaryOperator.names.contains(name) {
            entries[name] = Entry(FunctionOperator.self, inputs: 1...1)
        }
        for name in ComparisonOperator.names { entries[name] = Entry(ComparisonOperator.self, inputs: 2...2) }
        for name in LogicOperator.names { entries[name] = Entry(LogicOperator.self, inputs: 2...2) }
        for name in PredicateOperator.names { entries[name] = Entry(PredicateOperator.self, inputs: 1...1) }
        for name in ArithmeticOperator.names { entries[name] = Entry(ArithmeticOperator.self, inputs: 2...2) }
        for name in VariadicOperator.names { entries[name] = Entry(VariadicOperator.self, inputs: 1...Int.max) }
        for function in ReductionOperator.Function.allCases {
            entries[function.rawValue] = Entry(ReductionOperator.self, inputs: 1...2)
        }
        return entries
    }()
}
