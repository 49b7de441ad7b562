/**
 * {@code apache.rocketmq.v2} at a replica: what official RocketMQ 5 SDKs ask, in the words of the
 * state machine. Decides nothing that {@code keelmq.v1} does not: sends, transactions and recalls
 * are passed on to the leader as calls of {@code keelmq.v1}; polls, acknowledgements and signs of
 * life as calls of this protocol.
 *
 * <p>Handlers run on the event loop and never block there. May import {@code broker}, {@code api},
 * {@code filter}, {@code state}, {@code io.keelmq.common}, {@code io.keelmq.rocketmq}, the
 * generated protocols and gRPC.
 */
package io.keelmq.broker.rocketmq;
