package io.keelmq.client.cli;

import io.keelmq.client.HeldMessages;
import io.keelmq.common.Json;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code keelmq tx}: half messages that wait for their transaction. */
@Command(
    name = "tx",
    description = "Shows and decides half messages that wait for their transaction.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {TxCommand.ListAll.class, TxCommand.Resolve.class})
final class TxCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  @Command(name = "list", description = "Lists half messages in the order of being sent.")
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
      TimerCommand.checkMax(max);
      return withCluster(cluster -> new HeldRows(this).list(cluster.held(), topic, true, max));
    }
  }

  /** What becomes of a half message. */
  static final class Decision {
    @Option(names = "--commit", description = "it gets its place in its queue now")
    boolean commit;

    @Option(names = "--rollback", description = "it goes, and nobody ever sees it")
    boolean rollback;
  }

  @Command(name = "resolve", description = "Decides a half message; again alike is fine.")
  static final class Resolve extends CliCommand {
    @Parameters(paramLabel = "HELD_ID", description = "from the receipt, or from `tx list`")
    String heldId;

    @Option(
        names = "--topic",
        paramLabel = "TOPIC",
        required = true,
        converter = Converters.TopicName.class)
    String topic;

    @ArgGroup(multiplicity = "1")
    Decision decision;

    @Override
    public Integer call() {
      return withCluster(decision.commit ? this::commit : this::rollback);
    }

    private int commit(Cluster cluster) {
      HeldMessages.Placed placed = cluster.held().commit(topic, heldId);
      out()
          .line(
              json()
                  ? json("committed")
                      .put("queue", placed.queue())
                      .put("offset", placed.offset())
                      .toString()
                  : "committed %s to queue %d at offset %d"
                      .formatted(heldId, placed.queue(), placed.offset()));
      return ExitCodes.OK;
    }

    private int rollback(Cluster cluster) {
      cluster.held().rollback(topic, heldId);
      out()
          .line(
              json()
                  ? json("rolled_back").putNull("queue").putNull("offset").toString()
                  : "rolled back " + heldId);
      return ExitCodes.OK;
    }

    private Json json(String transaction) {
      return new Json().put("topic", topic).put("held_id", heldId).put("transaction", transaction);
    }
  }
}
