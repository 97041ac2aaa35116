import JSONDocuments
import KafkaClient
import Serving
import Training

enum TrainingFixtures {
    /// A request for a small network whose rows are a topic's.
    static func request(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        var members: [String: JSONValue] = [
            "model": "points",
            "architecture": [
                "input": ["shape": [2]], "layers": [["type": "dense", "units": 2, "activation": "softmax"]],
            ],
            "loss": "softmax_cross_entropy", "optimizer": ["type": "sgd", "learning_rate": 0.1],
            "dataset": [
                "topic": "rows",
                "schema": ["features": ["shape": [2]], "label": ["name": "label", "kind": "class_index", "count": 2]],
            ],
        ]
        for (name, value) in changes { members[name] = value == .null ? nil : value }
        return .object(members)
    }

    static let partition = TopicPartition(topic: "jobs", partition: 2)

    static func command(_ request: JSONValue, offset: Int64 = 7, job: String = "job-1") -> TrainingCommand {
        TrainingCommand(
            position: RecordPosition(partition, offset: offset), kind: .request, job: job, model: "points",
            value: request.serialized(.compact))
    }

    static func cancellation(of job: String, offset: Int64) -> TrainingCommand {
        TrainingCommand(position: RecordPosition(partition, offset: offset), kind: .cancel, job: job)
    }

    static func report(_ accuracy: Double) -> EvaluationReport {
        EvaluationReport(rowCount: 10, values: [.accuracy: accuracy])
    }
}
