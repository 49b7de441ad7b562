/**
 * What brokers and name servers share of the RocketMQ 5 protocol: how routes look to each SDK, and
 * who a call comes from. Stateless. May import the generated protocol, {@code io.keelmq.common} and
 * gRPC.
 */
package io.keelmq.rocketmq;
