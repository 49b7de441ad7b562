/**
 * Only on the class path of brokers that a chaos test starts broken on purpose; no part of a
 * distribution. Imports nothing.
 */
package io.keelmq.broker.canary;
