package io.keelmq.client.cli;

import io.keelmq.common.Json;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code keelmq timer}: delayed messages that wait for their time. */
@Command(
    name = "timer",
    description = "Shows and takes back delayed messages that wait for their time.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {TimerCommand.ListAll.class, TimerCommand.Cancel.class})
final class TimerCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  @Command(name = "list", description = "Lists delayed messages in the order of being sent.")
  static final class ListAll extends CliCommand {
    @Option(
        names = "--topic",
        paramLabel = "TOPIC",
        required = true,
        converter = Converters.TopicName.class)
    String topic;

    @Option(
        names = "--max",
        paramLabel = "N",
        defaultValue = "100",
        description = "at most so many; default 100")
    int max;

    @Override
    public Integer call() {
      checkMax(max);
      return withCluster(cluster -> new HeldRows(this).list(cluster.held(), topic, false, max));
    }
  }

  @Command(name = "cancel", description = "Takes back a delayed message.")
  static final class Cancel extends CliCommand {
    @Parameters(paramLabel = "HELD_ID", description = "from the receipt, or from `timer list`")
    String heldId;

    @Option(
        names = "--topic",
        paramLabel = "TOPIC",
        required = true,
        converter = Converters.TopicName.class)
    String topic;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            cluster.held().recall(topic, heldId);
            out()
                .line(
                    json()
                        ? new Json()
                            .put("topic", topic)
                            .put("held_id", heldId)
                            .put("cancelled", true)
                            .toString()
                        : "cancelled " + heldId);
            return ExitCodes.OK;
          });
    }
  }

  static void checkMax(int max) {
    if (max < 1) {
      throw CliError.usage("--max " + max + ": give 1 or more");
    }
  }
}
