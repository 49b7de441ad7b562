/** A broker group without Raft or disk, for tests of the edge. */
package io.keelmq.broker.api.testing;
