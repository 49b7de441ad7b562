/**
 * The gRPC edge of a replica: {@code keelmq.v1} Streams and Admin, health and reflection. Checks
 * what comes in, hands it to the replica or on to the leader, and answers; decides nothing.
 *
 * <p>Send, publish and the opening of reads run on the event loop and never block there; admin
 * calls run on the call executor, bodies are read on the read executor. May import {@code broker},
 * {@code state}, {@code io.keelmq.common}, the generated protocol and gRPC.
 */
package io.keelmq.broker.api;
