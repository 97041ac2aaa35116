package import KafkaClient
package import ModelRegistry

/// What an ``InferencePipeline`` is set to.
package struct PipelineConfiguration: Sendable {
    package var requestTopics: [String]
    /// The model that a topic's requests mean when they name none.
    package var bindings: [String: ModelReference]
    package var batching: BatchPlanner.Limits
    package var limits: PipelineState.Limits
    /// Compute threads; decoding, running and encoding share them.
    package var threadCount: Int
    /// How long a stop may take to answer what was admitted, publish it and leave the group.
    package var shutdownDeadline: Duration
    /// How long a request may wait for its model to be loaded.
    package var maximumModelWait = Duration.seconds(10)
    /// Requests that may wait for models at once.
    package var maximumWaitingRequests = 4096
    /// Deaths of the process over the same record after which the record is given up.
    package var maximumDeaths = 3
    /// Called, in a task of its own, with partitions that were assigned.
    package var didAssign: (@Sendable ([TopicPartition]) async -> Void)?
    /// Called before a request is computed; for tests that need a request to fail in its own way.
    package var willCompute: (@Sendable (RecordPosition) -> Void)?

    /// How a request that was answered before is to be answered again; nil for a new one.
    package var precedent: (@Sendable (KafkaRecord) -> Precedent?)?

    package init(
        requestTopics: [String], bindings: [String: ModelReference] = [:], batching: BatchPlanner.Limits = .init(),
        limits: PipelineState.Limits = .init(), threadCount: Int, shutdownDeadline: Duration = .seconds(20)
    ) {
        self.requestTopics = requestTopics
        self.bindings = bindings
        self.batching = batching
        self.limits = limits
        self.threadCount = max(1, threadCount)
        self.shutdownDeadline = shutdownDeadline
    }
}
