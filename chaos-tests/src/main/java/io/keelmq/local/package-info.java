/**
 * Clusters of real processes on one machine: the engine of {@code scripts/cluster} and {@code
 * scripts/demo}, and of the chaos tests. Each class is owned by the thread that calls it, but for
 * those that say otherwise. May import {@code io.keelmq.client} and {@code io.keelmq.common}, and
 * knows the servers only as programs: by main class, settings and ports.
 */
package io.keelmq.local;
