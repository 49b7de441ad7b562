package io.keelmq.client.cli;

import java.io.InputStream;
import java.io.PrintStream;
import java.time.InstantSource;
import java.util.Map;

/**
 * What surrounds a command: its streams, variables and clock. Immutable.
 *
 * @param outIsTerminal a person reads standard output
 * @param errIsTerminal a person reads standard error, so that a line may be rewritten in place
 */
record Console(
    InputStream in,
    Output out,
    PrintStream err,
    Map<String, String> variables,
    boolean outIsTerminal,
    boolean errIsTerminal,
    InstantSource clock,
    Stop stop) {}
