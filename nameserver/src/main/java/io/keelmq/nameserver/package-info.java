/**
 * The route directory: tells clients which broker groups there are, who leads them and where their
 * replicas are reached. Keeps nothing on disk and nothing from other name servers, so any number of
 * them can run and any of them can die.
 *
 * <p>The facts live in {@link io.keelmq.nameserver.RouteDirectory} behind its lock; watchers are
 * fed by the one {@code routes} thread; gRPC's event loops do the rest and never block. May import
 * gRPC, {@code io.keelmq.v1}, {@code io.keelmq.common} and slf4j.
 */
package io.keelmq.nameserver;
