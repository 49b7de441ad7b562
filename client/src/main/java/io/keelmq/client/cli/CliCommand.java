package io.keelmq.client.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** One command: parsed by picocli, run on the main thread. */
@Command
abstract class CliCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  /** The options that all commands share. */
  final KeelmqCommand root() {
    return (KeelmqCommand) spec.root().userObject();
  }

  final Console console() {
    return root().console();
  }

  final Output out() {
    return root().console().out();
  }

  final boolean json() {
    return root().json();
  }

  /** Runs against a cluster, which is closed behind it. */
  final Integer withCluster(ClusterWork work) {
    try (Cluster cluster = root().connect()) {
      return work.run(cluster);
    }
  }

  /** What a command does with a cluster; gives the exit code. */
  @FunctionalInterface
  interface ClusterWork {
    int run(Cluster cluster);
  }
}
