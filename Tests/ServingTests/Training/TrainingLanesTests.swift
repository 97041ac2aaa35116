import JSONDocuments
import KafkaClient
import Serving
import Testing

@Suite struct TrainingLanesTests {
    /// Shared by the expectations of a test, which cannot change a value.
    private final class Lanes {
        private var lanes: TrainingLanes

        init(maximumWaiting: Int) { lanes = TrainingLanes(maximumWaiting: maximumWaiting) }

        var running: [TrainingCommand] { lanes.running }

        func assigned(_ partitions: [TopicPartition]) -> [TrainingLanes.Action] { lanes.assigned(partitions) }
        func lost() -> [TrainingLanes.Action] { lanes.lost() }
        func received(_ commands: [TrainingCommand]) -> [TrainingLanes.Action] { lanes.received(commands) }
        func finished(_ position: RecordPosition) -> [TrainingLanes.Action] { lanes.finished(position) }
    }

    private let partition = TrainingFixtures.partition

    private func request(_ offset: Int64, _ job: String) -> TrainingCommand {
        TrainingFixtures.command([:], offset: offset, job: job)
    }

    private func position(_ offset: Int64) -> RecordPosition { RecordPosition(partition, offset: offset) }

    @Test func jobsOfAPartitionRunOneAfterTheOther() {
        let lanes = Lanes(maximumWaiting: 10)
        #expect(lanes.assigned([partition]) == [])
        let (first, second) = (request(4, "a"), request(5, "b"))
        #expect(lanes.received([first, second]) == [.start(first, isCancelled: false)])
        #expect(lanes.finished(position(9)) == [])
        #expect(lanes.finished(position(4)) == [.start(second, isCancelled: false)])
        #expect(lanes.finished(position(5)) == [])
        #expect(lanes.running.isEmpty)
    }

    @Test func cancellationsAreSeenBehindARunningJob() {
        let lanes = Lanes(maximumWaiting: 10)
        _ = lanes.assigned([partition])
        let (first, second) = (request(0, "a"), request(1, "b"))
        _ = lanes.received([first, second])
        let actions = lanes.received([
            TrainingFixtures.cancellation(of: "a", offset: 2), TrainingFixtures.cancellation(of: "b", offset: 3),
            TrainingFixtures.cancellation(of: "c", offset: 4),
        ])
        #expect(actions == [.cancel(position(0))])
        #expect(lanes.finished(position(0)) == [.start(second, isCancelled: true)])
        // Nothing is behind them but cancellations: they need not be read again.
        #expect(lanes.finished(position(1)) == [.commit(partition, 5)])
    }

    @Test func cancellationsOfNothingArePassedOver() {
        let lanes = Lanes(maximumWaiting: 10)
        _ = lanes.assigned([partition])
        let job = request(1, "a")
        #expect(
            lanes.received([TrainingFixtures.cancellation(of: "x", offset: 0), job])
                == [.commit(partition, 1), .start(job, isCancelled: false)])
    }

    @Test func aJobGoesOnOverARebalance() {
        let lanes = Lanes(maximumWaiting: 10)
        _ = lanes.assigned([partition])
        let (first, second) = (request(0, "a"), request(1, "b"))
        _ = lanes.received([first, second])
        #expect(lanes.assigned([partition]) == [])
        // Read again from the committed offset on.
        #expect(lanes.received([first, second]) == [])
        #expect(lanes.running == [first])
        #expect(lanes.finished(position(0)) == [.start(second, isCancelled: false)])
        let other = TopicPartition(topic: "jobs", partition: 0)
        #expect(lanes.assigned([other]) == [.abandon(position(1))])
        #expect(lanes.finished(position(1)) == [])
        #expect(lanes.received([request(1, "b")]) == [])
        _ = lanes.assigned([partition])
        #expect(lanes.received([second]) == [.start(second, isCancelled: false)])
        #expect(lanes.lost() == [.abandon(position(1))])
    }

    @Test func fullLanesPause() {
        let lanes = Lanes(maximumWaiting: 4)
        _ = lanes.assigned([partition])
        let jobs = (0..<6).map { request(Int64($0), "\($0)") }
        #expect(lanes.received(jobs) == [.start(jobs[0], isCancelled: false), .pause(partition)])
        #expect(lanes.finished(position(0)) == [.start(jobs[1], isCancelled: false)])
        #expect(lanes.finished(position(1)) == [.start(jobs[2], isCancelled: false)])
        #expect(lanes.finished(position(2)) == [.start(jobs[3], isCancelled: false), .resume(partition)])
    }
}
