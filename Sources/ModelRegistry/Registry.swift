public import Logging
import Synchronization
public import TensorEngine

/// The versions that exist and those that are loaded here.
///
/// Resolving takes a lock for a dictionary look-up; a batch then holds the ``LoadedModel`` itself, so that nothing
/// done here afterwards pulls it from under the batch. A version that is released goes when its last batch lets go of it.
///
/// Used in one of two ways: the caller brings versions with ``load(_:warmUpRows:on:)``; or it hands over a plan with
/// ``follow(_:)``, runs a ``ModelLoader``, and versions come and go by themselves.
public final class Registry: Sendable {
    /// What became of a version here.
    public enum Event: Sendable, Hashable {
        case loaded(ModelVersion.Identity)
        case failed(ModelVersion.Identity, reason: String)
        /// Nothing uses it any more: its memory is free.
        case unloaded(ModelVersion.Identity)
    }

    /// What a reference means at the moment.
    public struct Resolution: Sendable {
        public var model: LoadedModel
        /// The registry topic's offset of the event that made the reference mean this version; nil without a topic.
        public var activation: Int64?
        /// Answers too, to a topic of its own.
        public var shadow: Shadow?

        package init(model: LoadedModel, activation: Int64? = nil, shadow: Shadow? = nil) {
            self.model = model
            self.activation = activation
            self.shadow = shadow
        }
    }

    public struct Shadow: Sendable {
        public var model: LoadedModel
        public var topic: String
        /// The registry topic's offset of the rule.
        public var activation: Int64?
    }

    /// A resolution as requests of the same reference have it in common.
    struct Route {
        var main: Resolution
        /// Takes some of the keys, if there is a rule.
        var split: (rule: TrafficRule, canary: Resolution)?
    }

    struct State {
        var table: VersionTable<LoadedModel>
        var isFollowing = false
        /// What was asked for last: neighbouring requests mostly ask for the same.
        var recent: (reference: ModelReference, route: Route)?
        /// Topics that shadows may write to.
        var shadowTopics: Set<String> = []
    }

    let store: any ArtifactStore
    let options: CompilationOptions
    let logger: Logger
    let state: Mutex<State>
    let loads: AsyncStream<ModelVersion>
    let loadQueue: AsyncStream<ModelVersion>.Continuation
    /// What becomes of versions, for one reader.
    public let events: AsyncStream<Event>
    let eventQueue: AsyncStream<Event>.Continuation
    private let changes = Atomic<Int>(0)
    private let onChange = Mutex<[@Sendable () -> Void]>([])

    /// - Parameter memoryBudget: bytes that loaded versions may take together, about; nil is no limit.
    public init(
        store: any ArtifactStore, options: CompilationOptions = .init(), memoryBudget: Int? = nil, logger: Logger
    ) {
        self.store = store
        self.options = options
        self.logger = logger
        state = Mutex(State(table: VersionTable(budget: memoryBudget)))
        // A version is enqueued once until it is loaded: the queue is as long as there are versions.
        (loads, loadQueue) = AsyncStream.makeStream()
        (events, eventQueue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(10_000))
    }

    // MARK: What there is

    /// The versions that can be named; those not loaded yet can be loaded.
    public var catalog: VersionCatalog {
        get { state.withLock { $0.table.plan.catalog } }
        set { change { $0.table.follow(ServingPlan(newValue), loads: false, now: .now) } }
    }

    /// The loaded versions, by name and number.
    public var loaded: [ModelVersion.Identity] {
        state.withLock { state in state.table.phases.keys.filter { state.table.model($0) != nil } }.sorted()
    }

    /// Bytes of the loaded versions, about.
    public var memoryByteCount: Int { state.withLock { $0.table.bytes } }

    /// Versions that are wanted and neither loaded nor failed nor unloaded for want of memory.
    public var pending: [ModelVersion.Identity] {
        state.withLock { state in
            state.table.plan.wanted.keys.filter {
                switch state.table.phases[$0] {
                case .loading?, nil: true
                default: false
                }
            }
        }.sorted()
    }

    /// Why wanted versions could not be loaded.
    public var failures: [ModelVersion.Identity: String] {
        state.withLock { state in
            state.table.phases.compactMapValues { if case .failed(let reason, _) = $0 { reason } else { nil } }
        }
    }

    /// Counts changes of what is loaded or meant.
    public var changeCount: Int { changes.load(ordering: .acquiring) }

    /// Calls `body` after every change, on whichever thread made it.
    public func onChange(_ body: @escaping @Sendable () -> Void) { onChange.withLock { $0.append(body) } }

    // MARK: Changes

    /// Loads and unloads by this plan from now on; references move on to new versions once those are loaded.
    public func follow(_ plan: ServingPlan) {
        change { state in
            state.isFollowing = true
            return state.table.follow(plan, loads: true, now: .now)
        }
    }

    /// Tries versions again that could not be loaded, once they have been left alone for a while.
    public func retryFailures() {
        change { state in
            guard state.isFollowing else { return [] }
            return state.table.follow(state.table.plan, loads: true, now: .now)
        }
    }

    /// Lets shadows write to these topics; a rule's shadow with another does not answer.
    public func permitShadows(to topics: Set<String>) {
        change { state in
            state.shadowTopics = topics
            return []
        }
    }

    /// Changes the state, then does what follows from it outside of the lock: models are released there.
    func change(_ body: (inout State) -> [VersionTable<LoadedModel>.Action]) {
        let actions = state.withLock { state in
            defer { state.recent = nil }
            return body(&state)
        }
        perform(actions)
        changes.add(1, ordering: .releasing)
        for body in onChange.withLock({ $0 }) { body() }
    }

    func perform(_ actions: [VersionTable<LoadedModel>.Action]) {
        for action in actions {
            switch action {
            case .load(let version): loadQueue.yield(version)
            case .released(let identity, _):
                logger.info(
                    "model released", metadata: ["model": "\(identity.name)", "version": "\(identity.number)"])
            }
        }
    }
}
