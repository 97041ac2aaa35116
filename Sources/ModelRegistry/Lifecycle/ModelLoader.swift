import TensorEngine

/// Loads what a ``Registry`` that follows a plan asks for, so that answers are not delayed: on a thread of its own, with low
/// priority. Fetching waits for the network and goes on side by side; compiling and warming up take turns.
public struct ModelLoader: Sendable {
    /// Gives way to the compute threads, and still gets about a tenth of a busy processor.
    private static let niceness = 10
    private static let maximumFetches = 4

    private let registry: Registry
    private let warmUpRows: Int

    /// - Parameter warmUpRows: the largest batch.
    public init(_ registry: Registry, warmUpRows: Int) {
        self.registry = registry
        self.warmUpRows = warmUpRows
    }

    /// Runs until it is cancelled.
    public func run() async {
        let pool = ComputePool(threadCount: 1, niceness: Self.niceness)
        await withDiscardingTaskGroup { group in
            let slots = LoadSlots(Self.maximumFetches)
            for await version in registry.loads {
                await slots.take()
                group.addTask {
                    await registry.loadOrFail(version, warmUpRows: warmUpRows, on: pool)
                    await slots.giveBack()
                }
            }
        }
        pool.shutdown()
    }
}

/// How many may do something at once.
private actor LoadSlots {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func take() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func giveBack() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}
