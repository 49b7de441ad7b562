package io.keelmq.broker.api;

/**
 * Who answers: what a replica tells of itself whether or not it is initialized. Immutable.
 *
 * @param node its name in the broker group, such as n1
 * @param clientAddress host:port where clients and other replicas reach it
 * @param bootId rises with every start of the process
 */
public record ReplicaIdentity(
    String brokerGroup,
    String node,
    String clientAddress,
    String raftAddress,
    String opsAddress,
    String softwareVersion,
    long bootId) {}
