/**
 * The {@code keelmq} command line, over the public API of {@code io.keelmq.client}.
 *
 * <p>A command runs on the main thread; {@code send} has a second thread that prints receipts, and
 * the client's own thread completes futures. Commands reach a cluster only through the ports
 * declared here ({@link io.keelmq.client.cli.Cluster} and what it hands out), so that they are
 * tested without one. Imports picocli, HdrHistogram, the client and the protocol's values.
 */
package io.keelmq.client.cli;
