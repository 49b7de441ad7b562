/**
 * Puts a broker together and runs it. Imports every other package of the broker; nobody imports it.
 */
package io.keelmq.broker.app;
