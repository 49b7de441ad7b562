/**
 * What the client ports of brokers and name servers have in common: TLS and plaintext on one port,
 * the certificate for it, and who signs a request.
 *
 * <p>Owns no thread; handlers run on gRPC's event loops and never block. The only package that
 * knows netty inside gRPC. May import gRPC with its shaded netty, protobuf, the generated classes,
 * {@code io.keelmq.common} and the JDK.
 */
package io.keelmq.edge;
