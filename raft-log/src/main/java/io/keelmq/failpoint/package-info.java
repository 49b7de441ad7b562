/**
 * The places in the ways of log, rows, votes, identities and snapshots to disk at which a test may
 * let the process die. No threads; imports {@code java.*} only, so that every module may name them.
 */
package io.keelmq.failpoint;
