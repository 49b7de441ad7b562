/**
 * Chaos runs: a workload against a cluster of real processes, faults while it runs, and the history
 * of what clients saw. One thread drives a run and injects its faults; the workload has its own.
 * May import {@code io.keelmq.client}, {@code io.keelmq.local} and the generated stubs, by which it
 * asks each replica directly; of the servers' own classes only the names of failpoints.
 */
package io.keelmq.chaos;
