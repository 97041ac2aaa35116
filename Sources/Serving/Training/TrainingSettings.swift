package import KafkaClient
package import Training

/// What a ``TrainingPipeline`` reads, writes and allows.
package struct TrainingSettings: Sendable {
    package var kafka: KafkaConfiguration
    package var requestTopic = "millrace.training.requests"
    package var eventTopic = "millrace.training.events"
    package var taskTopic = "millrace.training.tasks"
    /// Where OpenLineage run events go; nil for nowhere.
    package var lineageTopic: String?
    /// Of the instances that coordinate jobs.
    package var requestGroup: String
    /// Of the instances that judge fits.
    package var taskGroup: String
    package var applicationID: String
    package var instanceID: String
    /// Fits at once.
    package var threads = 1
    /// Of the fits' threads, 0 to 19.
    package var niceness = 10
    /// Holds checkpoints by job and fit; shared by instances that are to take over from each other.
    package var checkpointFolder: String
    /// Below which the files of requests lie; nil refuses requests that name files.
    package var dataFolder: String?
    /// A job may take as long as this, whatever its request says.
    package var deadlineLimit: Duration?
    /// Times that a job or a fit is begun: whatever kills the process every time is given up.
    package var attempts = 10
    /// How long a fit that seems to have killed its process so often is waited for to say that it did not: an instance that
    /// has lost its partition may still be about to.
    package var releaseGrace = Duration.seconds(20)
    /// Commands of one partition that wait behind a job.
    package var maximumWaiting = 1000
    package var maximumRequestBytes = 4 << 20
    /// A task holds its job's request.
    package var maximumTaskBytes: Int { maximumRequestBytes + (1 << 16) }
    package var maximumEventBytes = 900_000
    /// Between progress events of one fit.
    package var progressInterval = Duration.seconds(1)
    package var limits = TrainingLimits.default
    package var sessionTimeout = Duration.seconds(15)
    /// The program, for a version's lineage.
    package var build = "millrace"
    /// How long a stop may wait for fits to notice it.
    package var shutdownDeadline = Duration.seconds(20)

    package init(
        kafka: KafkaConfiguration, applicationID: String, instanceID: String, checkpointFolder: String
    ) {
        self.kafka = kafka
        self.applicationID = applicationID
        self.instanceID = instanceID
        self.checkpointFolder = checkpointFolder
        requestGroup = "\(applicationID)-training"
        taskGroup = "\(applicationID)-training-tasks"
    }
}
