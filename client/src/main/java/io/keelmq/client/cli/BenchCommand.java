package io.keelmq.client.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code keelmq bench}. */
@Command(
    name = "bench",
    description = "Measures a cluster from here.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {BenchProduce.class, BenchRead.class, BenchConsume.class})
final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }
}
