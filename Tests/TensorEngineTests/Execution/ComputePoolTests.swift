import Synchronization
import TensorEngine
import Testing

@Suite struct ComputePoolTests {
    private struct Failure: Error {}

    @Test func runsWorkAndPassesErrorsOn() async throws {
        let pool = ComputePool(threadCount: 2)
        #expect(pool.threadCount == 2)
        #expect(try await pool.run { _ in 42 } == 42)
        await #expect(throws: Failure.self) { try await pool.run { _ in throw Failure() } }
        #expect(try await pool.run { _ in 43 } == 43)
        pool.shutdown()
    }

    @Test func everyThreadHasOneContext() async throws {
        let pool = ComputePool(threadCount: 3)
        let contexts = try await withThrowingTaskGroup(of: ObjectIdentifier.self) { group in
            for _ in 0..<200 { group.addTask { try await pool.run { ObjectIdentifier($0) } } }
            return try await group.reduce(into: Set<ObjectIdentifier>()) { $0.insert($1) }
        }
        #expect((1...3).contains(contexts.count))
        pool.shutdown()
    }

    /// A job that was accepted has run when its caller returns; one that was not has not, and its caller is told.
    @Test func shutdownFinishesAcceptedWorkAndRefusesMore() async throws {
        for _ in 0..<20 {
            let pool = ComputePool(threadCount: 2)
            let ran = Ran()
            let answered = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        if index == 20 { pool.shutdown() }
                        return (try? await pool.run { _ in _ = ran.count.add(1, ordering: .relaxed) }) != nil
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(ran.count.load(ordering: .relaxed) == answered)
            pool.shutdown()
            pool.shutdown()
            await #expect(throws: ComputePool.ShutDown.self) { try await pool.run { _ in 1 } }
        }
    }

    private final class Ran: Sendable {
        let count = Atomic(0)
    }
}
