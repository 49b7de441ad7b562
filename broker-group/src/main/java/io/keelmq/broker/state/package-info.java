/**
 * What a broker group knows, and every decision it takes: a deterministic state machine fed from
 * the commit log. The same log gives the same rows on every replica.
 *
 * <p>Owned by the apply thread, but for {@link io.keelmq.broker.state.StateView}, which any thread
 * may ask. Imports {@code java.*} and nothing else: no clock, thread, randomness, network or disk.
 */
package io.keelmq.broker.state;
