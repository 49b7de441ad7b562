/**
 * The Java client: producers, readers and administration over {@code keelmq.v1}.
 *
 * <p>Each {@link io.keelmq.client.KeelClient} owns one loop thread, which owns routes, publish
 * sessions and read sessions; gRPC's threads only hand events to it. Applications call from any
 * thread. Imports the protocol, gRPC and slf4j, nothing of the servers.
 */
package io.keelmq.client;
