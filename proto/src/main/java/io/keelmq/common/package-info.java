/**
 * What every program shares and no more: settings, addresses, JSON, errors on the wire, metrics
 * with the operators' HTTP port, and the end of a process.
 *
 * <p>Owns no thread but those of a started {@link io.keelmq.common.OpsServer} and of a running
 * {@link io.keelmq.common.Shutdown}. May import gRPC, protobuf, prometheus, slf4j, the JDK and the
 * generated {@code io.keelmq.v1}; nothing of another module.
 */
package io.keelmq.common;
