/**
 * Doubles that behave: a broker group and name servers in this process, strict about the protocol.
 */
package io.keelmq.client.testing;
