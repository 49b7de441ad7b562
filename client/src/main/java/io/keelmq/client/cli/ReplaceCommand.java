package io.keelmq.client.cli;

import io.keelmq.client.Replacement;
import io.keelmq.common.Json;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code keelmq cluster replace}: the steps are those of {@link Replacement}. */
@Command(
    name = "replace",
    description =
        "Puts a new replica in the place of another one, lost or living: it joins, votes when it has"
            + " caught up, then the other one is taken out. Again after a failure it goes on.")
final class ReplaceCommand extends CliCommand {

  @Parameters(index = "0", paramLabel = "OLD", description = "the replica that is to go")
  String leaving;

  @Parameters(index = "1", paramLabel = "NEW", description = "name of the one that comes")
  String coming;

  @Option(
      names = "--raft",
      required = true,
      paramLabel = "HOST:PORT",
      description = "raft.advertised of NEW")
  String raft;

  @Option(
      names = "--client",
      required = true,
      paramLabel = "HOST:PORT",
      description = "client.advertised of NEW")
  String client;

  @Mixin BrokerGroupOption brokerGroup;

  @Option(
      names = "--wait",
      paramLabel = "TIME",
      defaultValue = "10m",
      converter = Converters.Length.class,
      description = "until OLD is out; default 10m")
  Duration wait;

  @Override
  public Integer call() {
    MemberChangeCommand.checkAddress("--raft", raft);
    MemberChangeCommand.checkAddress("--client", client);
    return withCluster(
        cluster -> {
          var replacement =
              new Replacement(
                  cluster.brokerGroups().replacing(brokerGroup.name),
                  new Replacement.Wish(leaving, coming, raft, client),
                  System::nanoTime,
                  MemberChangeCommand::aMoment);
          replacement.run(wait, this::tell);
          if (json()) {
            out()
                .line(
                    new Json()
                        .put("node", coming)
                        .put("replaced", leaving)
                        .put("removed", true)
                        .toString());
          } else {
            out().line(leaving + " is no member any more: stop its broker");
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
