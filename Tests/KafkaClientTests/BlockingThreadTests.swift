import Synchronization
import Testing

@testable import KafkaClient

@Suite struct BlockingThreadTests {
    @Test func runsJobsInOrderOnOneThread() async throws {
        let thread = BlockingThread(name: "order")
        let order = Mutex<[Int]>([])
        for index in 0..<100 { try thread.submit { order.withLock { $0.append(index) } } }
        let seen = try await thread.run { order.withLock { $0 } }
        #expect(seen == Array(0..<100))
        thread.stop()
    }

    @Test func passesErrorsOn() async {
        struct Failure: Error {}
        let thread = BlockingThread(name: "errors")
        await #expect(throws: Failure.self) { try await thread.run { throw Failure() } }
    }

    @Test func refusesWhatExceedsItsQueue() async throws {
        let thread = BlockingThread(name: "bounded", maximumWaitingJobs: 2)
        let gate = Monitor(false)
        let started = Latch()
        try thread.submit {
            started.open()
            gate.wait(while: { !$0 }) { _ in }
        }
        await started.wait(.seconds(5))
        try thread.submit {}
        try thread.submit {}
        let refusal = #expect(throws: BlockingThread.Refusal.self) { try thread.submit {} }
        #expect(refusal?.description == "thread bounded already has 2 jobs waiting")
        gate.withLock { $0 = true }
    }

    @Test func stopFinishesTheQueueAndRefusesTheRest() async throws {
        let thread = BlockingThread(name: "stopping")
        let done = Latch()
        try thread.submit { done.open() }
        thread.stop()
        thread.stop()
        #expect(await done.wait(.seconds(5)))
        await #expect(throws: BlockingThread.Refusal.self) { try await thread.run {} }
    }

    @Test func blockedThreadsLeaveTheCooperativePoolFree() async throws {
        // More blocked jobs than a small machine has cooperative threads.
        let threads = (0..<16).map { BlockingThread(name: "blocked \($0)") }
        let gate = Monitor(false)
        async let all: Void = withThrowingTaskGroup { group in
            for thread in threads { group.addTask { try await thread.run { gate.wait(while: { !$0 }) { _ in } } } }
            try await group.waitForAll()
        }
        let isRunning = await Task.detached { true }.value
        #expect(isRunning)
        gate.withLock { $0 = true }
        try await all
    }

    @Test func aLatchOpensOnceForAllAndHonoursDeadlines() async {
        let latch = Latch()
        #expect(await latch.wait(.milliseconds(1)) == false)
        async let first = latch.wait(.seconds(10))
        async let second = latch.wait(.seconds(10))
        latch.open()
        latch.open()
        #expect(await [first, second] == [true, true])
        #expect(await latch.wait(.zero))
    }

    @Test func aMonitorWaitEndsAtItsDeadline() async throws {
        let thread = BlockingThread(name: "deadline")
        let elapsed = try await thread.run {
            let start = ContinuousClock.now
            Monitor(0).wait(until: start + .milliseconds(30), while: { $0 == 0 }) { _ in }
            return ContinuousClock.now - start
        }
        #expect(elapsed >= .milliseconds(30))
        #expect(elapsed < .seconds(20))
    }
}
