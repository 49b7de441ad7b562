/** Doubles of the state machine's ports that behave. */
package io.keelmq.broker.state.testing;
