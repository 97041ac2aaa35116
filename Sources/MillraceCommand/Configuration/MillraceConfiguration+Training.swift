extension MillraceConfiguration {
    /// What is below `training`.
    struct Training: Sendable, Equatable {
        var isEnabled: Bool
        var requests: String
        var events: String
        var tasks: String
        /// Of OpenLineage run events; nil for none.
        var lineageTopic: String?
        /// Of the consumer groups, behind the application's id.
        var groupSuffix: String
        /// Fits at once.
        var threads: Int
        var niceness: Int
        /// A folder.
        var checkpoints: String
        /// Below which requests may name files; nil for none.
        var dataFolder: String?
        /// Of a job; nil is no limit.
        var deadlineLimit: Duration?
        /// Times that a job is begun.
        var attempts: Int
        var maximumWaiting: Int
        var maximumRequestBytes: Int
        var maximumRows: Int
        /// Bytes of a dataset in memory.
        var maximumMemory: Int
        /// Bytes of a dataset's file.
        var maximumDisk: Int
        var maximumEpochs: Int
        var maximumFits: Int

        init(reader: inout ConfigurationReader) {
            typealias Keys = ConfigurationKeys
            isEnabled = reader.read(Keys.trainingEnabled)
            requests = reader.read(Keys.trainingRequests)
            events = reader.read(Keys.trainingEvents)
            tasks = reader.read(Keys.trainingTasks)
            lineageTopic = reader.read(Keys.trainingLineage)
            groupSuffix = reader.read(Keys.trainingGroupSuffix)
            threads = reader.read(Keys.trainingThreads)
            niceness = reader.read(Keys.trainingNiceness)
            checkpoints = reader.read(Keys.trainingCheckpoints)
            dataFolder = reader.read(Keys.trainingDataFolder)
            let limit = reader.read(Keys.trainingDeadlineLimit)
            deadlineLimit = limit == .zero ? nil : limit
            attempts = reader.read(Keys.trainingAttempts)
            maximumWaiting = reader.read(Keys.trainingWaiting)
            maximumRequestBytes = reader.read(Keys.trainingRequestBytes)
            maximumRows = reader.read(Keys.trainingRows)
            maximumMemory = reader.read(Keys.trainingMemory)
            maximumDisk = reader.read(Keys.trainingDisk)
            maximumEpochs = reader.read(Keys.trainingEpochs)
            maximumFits = reader.read(Keys.trainingFits)
        }
    }
}
