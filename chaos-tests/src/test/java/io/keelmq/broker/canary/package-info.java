/**
 * Only on the class path of brokers that a chaos test starts broken on purpose; no part of a
 * distribution. May import what the brokers declare for it.
 */
package io.keelmq.broker.canary;
