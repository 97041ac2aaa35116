import Synchronization
import Testing

@testable import Serving

@Suite struct AsyncGateTests {
    /// Who is in, and how many were at most.
    private final class Room: Sendable {
        private let state = Mutex((inside: 0, most: 0))

        func visit() async {
            state.withLock { state in
                state.inside += 1
                state.most = max(state.most, state.inside)
            }
            for _ in 0..<20 { await Task.yield() }
            state.withLock { $0.inside -= 1 }
        }

        var inside: Int { state.withLock(\.inside) }
        var most: Int { state.withLock(\.most) }
    }

    @Test func asManyAsThereArePlacesAreIn() async {
        let (gate, room) = (AsyncGate(3), Room())
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<30 { tasks.addTask { await gate.pass { await room.visit() } } }
        }
        #expect(room.inside == 0 && (1...3).contains(room.most))
    }

    @Test func whoMustBeAloneIsAlone() async {
        let (gate, room) = (AsyncGate(3), Room())
        await withTaskGroup(of: Bool.self) { tasks in
            for number in 0..<40 {
                tasks.addTask {
                    await gate.pass(isAlone: number % 4 == 0) {
                        let others = room.inside
                        await room.visit()
                        return number % 4 != 0 || (others == 0 && room.inside == 0)
                    }
                }
            }
            for await wasRight in tasks { #expect(wasRight) }
        }
        #expect(room.inside == 0)
    }
}
