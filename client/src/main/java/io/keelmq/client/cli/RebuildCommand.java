package io.keelmq.client.cli;

import io.keelmq.client.Rebuilding;
import io.keelmq.common.Json;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code keelmq cluster rebuild}: the steps are those of {@link Rebuilding}. */
@Command(
    name = "rebuild",
    description =
        "Makes replicas anew whose rows are wrong, one after the other, from the rows of another one,"
            + " which leads first. What they held is set aside in their data folders, and not before"
            + " the group goes on without them. For when `keelmq doctor` says that too few replicas can"
            + " tell who is right.")
final class RebuildCommand extends CliCommand {

  @Parameters(arity = "1..*", paramLabel = "NODE", description = "the replicas that are wrong")
  List<String> nodes;

  @Option(
      names = "--from",
      required = true,
      paramLabel = "NODE",
      description = "the replica that is right")
  String source;

  @Mixin BrokerGroupOption brokerGroup;

  @Option(
      names = "--wait",
      paramLabel = "TIME",
      defaultValue = "10m",
      converter = Converters.Length.class,
      description = "until each votes again; default 10m")
  Duration wait;

  @Override
  public Integer call() {
    if (nodes.stream().distinct().count() != nodes.size()) {
      throw CliError.usage("a replica is given twice: " + nodes);
    }
    return withCluster(
        cluster -> {
          for (String node : nodes) {
            new Rebuilding(
                    cluster.brokerGroups().rebuilding(brokerGroup.name),
                    node,
                    source,
                    System::nanoTime,
                    MemberChangeCommand::aMoment)
                .run(wait, this::tell);
            if (json()) {
              out()
                  .line(
                      new Json()
                          .put("node", node)
                          .put("source", source)
                          .put("rebuilt", true)
                          .toString());
              out().flush();
            }
          }
          return ExitCodes.OK;
        });
  }

  private void tell(String progress) {
    if (!json()) {
      out().line(progress);
      out().flush();
    }
  }
}
