/**
 * SQL92 message filters: from the text that a consumer subscribes with to a verdict on a message.
 *
 * <p>Pure and immutable: no thread, no clock, no input but tag and user properties. Imports {@code
 * java.*} only.
 */
package io.keelmq.broker.filter;
