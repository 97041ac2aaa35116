import CRdKafka

extension KafkaError {
    /// The group has members, or they subscribe to the topic: what was asked needs it to be idle.
    public var isGroupInUse: Bool {
        [
            RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP, RD_KAFKA_RESP_ERR_GROUP_SUBSCRIBED_TO_TOPIC,
            // How a broker refuses a commit from outside to a group that has members.
            RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        ].contains { $0.rawValue == code }
    }

    /// There is no such group.
    public var isUnknownGroup: Bool { code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND.rawValue }
}
