/// The most recently used plans, at most `capacity` (but at least one).
struct PlanCache {
    private var plans: [[Shape]: (plan: ExecutionPlan, lastUse: Int)] = [:]
    private var clock = 0
    private let capacity: Int

    init(capacity: Int) { self.capacity = max(capacity, 1) }

    var count: Int { plans.count }

    mutating func find(_ shapes: [Shape]) -> ExecutionPlan? {
        guard let plan = plans[shapes]?.plan else { return nil }
        clock += 1
        plans[shapes] = (plan, clock)
        return plan
    }

    /// Keeps the plan, or returns the one that another thread kept meanwhile.
    mutating func insert(_ plan: ExecutionPlan, for shapes: [Shape]) -> ExecutionPlan {
        if let found = find(shapes) { return found }
        if plans.count >= capacity, let oldest = plans.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            plans[oldest.key] = nil
        }
        clock += 1
        plans[shapes] = (plan, clock)
        return plan
    }
}
