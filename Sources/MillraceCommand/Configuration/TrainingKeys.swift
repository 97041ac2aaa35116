// The keys of training, below `training`.
extension ConfigurationKeys {
    static let trainingEnabled = ConfigurationKey(
        "training.enabled", .boolean, default: false,
        "Train models by requests from training.requests, beside inference.")
    static let trainingRequests = ConfigurationKey(
        "training.requests", .topic, default: "millrace.training.requests",
        "Topic of training requests and cancellations.")
    static let trainingEvents = ConfigurationKey(
        "training.events", .topic, default: "millrace.training.events",
        "Topic of what happens to jobs.")
    static let trainingTasks = ConfigurationKey(
        "training.tasks", .topic, default: "millrace.training.tasks",
        "Topic of the fits of folds and trials, which any instance takes.")
    static let trainingLineage = ConfigurationKey(
        "training.lineage-topic", .optionalTopic, default: String?.none,
        "Topic of OpenLineage run events; none writes none.")
    static let trainingGroupSuffix = ConfigurationKey(
        "training.group-suffix", .topicSuffix, default: "-training",
        "Appended to application-id for the group of the requests; the group of the tasks has -tasks "
            + "appended to that.")
    static let trainingThreads = ConfigurationKey(
        "training.threads", .integer(1...1024), default: 1,
        "Fits at once, each on a thread of its own.")
    static let trainingNiceness = ConfigurationKey(
        "training.niceness", .integer(0...19), default: 10,
        "How far the threads of training give way to those of inference.")
    static let trainingCheckpoints = ConfigurationKey(
        "training.checkpoints", .text, default: "./state/training",
        "Folder of checkpoints and of rows that memory does not hold; one that instances share lets them go "
            + "on with each other's fits.")
    static let trainingDataFolder = ConfigurationKey(
        "training.data-folder", .optionalText, default: String?.none,
        "Folder below which requests may name files of rows; none refuses requests that name any.")
    static let trainingDeadlineLimit = ConfigurationKey(
        "training.deadline-limit", .duration(.zero ... .seconds(31_536_000)), default: .zero,
        "How long a job may take, whatever its request says. 0 is no limit.")
    static let trainingAttempts = ConfigurationKey(
        "training.attempts", .integer(1...1000), default: 10,
        "Times a job, or a fit of a fold or trial, is begun before it is given up as one that ends the process.")
    static let trainingWaiting = ConfigurationKey(
        "training.maximum-waiting", .integer(1...1_000_000), default: 1000,
        "Records of one partition read ahead of its running job; a cancellation behind more is seen late.")
    static let trainingRequestBytes = ConfigurationKey(
        "training.maximum-request-bytes", .byteSize(1024...(1 << 28)), default: 4 << 20,
        "A larger training request fails.")
    static let trainingRows = ConfigurationKey(
        "training.maximum-rows", .integer(1...(1 << 40)), default: 1 << 30,
        "Rows of a dataset.")
    static let trainingMemory = ConfigurationKey(
        "training.maximum-memory", .byteSize((1 << 20)...(1 << 40)), default: 256 << 20,
        "Bytes of a dataset in memory; a larger one goes to a file in training.checkpoints.")
    static let trainingDisk = ConfigurationKey(
        "training.maximum-disk", .byteSize((1 << 20)...(1 << 50)), default: 64 << 30,
        "Bytes of a dataset's file.")
    static let trainingEpochs = ConfigurationKey(
        "training.maximum-epochs", .integer(1...1_000_000_000), default: 100_000,
        "Epochs of a fit.")
    static let trainingFits = ConfigurationKey(
        "training.maximum-fits", .integer(1...1_000_000), default: 10_000,
        "Fits of a job: folds times trials.")

    static let training: [any ConfigurationKeyDescription] = [
        trainingEnabled, trainingRequests, trainingEvents, trainingTasks, trainingLineage, trainingGroupSuffix,
        trainingThreads, trainingNiceness, trainingCheckpoints, trainingDataFolder, trainingDeadlineLimit,
        trainingAttempts, trainingWaiting, trainingRequestBytes, trainingRows, trainingMemory, trainingDisk,
        trainingEpochs, trainingFits,
    ]
}
