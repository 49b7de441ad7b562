/**
 * Keeps every configured name server told about this replica, so that clients find it.
 *
 * <p>Owned by the one {@code registry} thread, which also runs all gRPC callbacks of reports;
 * nobody else is ever made to wait. A replica without a place in its group asks for one on the
 * {@code join} thread. May import gRPC, {@code io.keelmq.v1}, {@code io.keelmq.common}, slf4j and
 * the JDK; no other package of the broker.
 */
package io.keelmq.broker.registry;
