package io.keelmq.client.cli;

import io.keelmq.client.ClusterStatus.GroupState;
import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.common.BackupManifest;
import io.keelmq.common.BackupRestorer;
import io.keelmq.common.BackupRestorer.Member;
import io.keelmq.common.Json;
import io.keelmq.v1.ReplicaRole;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code keelmq backup}. */
@Command(
    name = "backup",
    description = "Copies a broker group into a folder, and makes a new cluster of such a copy.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      BackupCommand.Create.class,
      BackupCommand.Verify.class,
      BackupCommand.Restore.class,
    })
final class BackupCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  @Command(
      name = "create",
      description =
          "Copies a snapshot of a replica into a folder: everything that was acknowledged before.")
  static final class Create extends CliCommand {
    @Parameters(paramLabel = "FOLDER", description = "empty, or not there yet")
    Path folder;

    @Option(
        names = "--node",
        paramLabel = "NODE",
        defaultValue = "",
        description = "the replica that sends it; default: one that does not lead")
    String node;

    @Mixin BrokerGroupOption brokerGroup;

    @Option(
        names = "--limit",
        paramLabel = "TIME",
        defaultValue = "6h",
        converter = Converters.Length.class,
        description = "for all of it; default 6h")
    Duration limit;

    @Override
    public Integer call() {
      return withCluster(
          cluster -> {
            ReplicaState replica = choose(cluster.brokerGroups().status().groups());
            try {
              print(
                  cluster.brokerGroups().backup(replica.route().getClientAddress(), folder, limit));
            } catch (IOException e) {
              throw failed("no backup was made", e);
            }
            return ExitCodes.OK;
          });
    }

    private ReplicaState choose(List<GroupState> groups) {
      List<GroupState> wanted =
          groups.stream()
              .filter(
                  each ->
                      brokerGroup.name.isEmpty()
                          || each.route().getBrokerGroup().equals(brokerGroup.name))
              .toList();
      if (wanted.size() != 1) {
        throw CliError.usage(
            wanted.isEmpty()
                ? "there is no broker group "
                    + brokerGroup.name
                    + ": `keelmq cluster status` shows them"
                : "there are several broker groups: name one with --group");
      }
      // The leader has enough to do.
      return wanted.get(0).replicas().stream()
          .filter(replica -> replica.status().filter(told -> told.getReady()).isPresent())
          .filter(replica -> node.isEmpty() || replica.route().getNode().equals(node))
          .min(
              Comparator.comparing(
                  replica -> replica.status().orElseThrow().getRole() == ReplicaRole.LEADER))
          .orElseThrow(
              () ->
                  new CliError(
                      ExitCodes.UNAVAILABLE,
                      "NO_LEADER",
                      "no replica"
                          + (node.isEmpty() ? "" : " " + node)
                          + " of the group is ready: see `keelmq doctor`"));
    }

    private void print(BackupManifest manifest) {
      if (json()) {
        out().line(BackupCommand.json(folder, manifest).toString());
      } else {
        out()
            .line(
                "group %s of cluster %s up to log entry %d, from %s: %d files, %.1f MB, in %s"
                    .formatted(
                        manifest.brokerGroup(),
                        manifest.clusterId(),
                        manifest.index(),
                        manifest.node(),
                        manifest.files().size(),
                        manifest.bytes() / 1e6,
                        folder));
      }
    }
  }

  @Command(
      name = "verify",
      description = "Reads every byte of a backup and compares it with its manifest.")
  static final class Verify extends CliCommand {
    @Parameters(paramLabel = "FOLDER", description = "of a backup")
    Path folder;

    @Override
    public Integer call() {
      BackupManifest manifest;
      List<String> flaws;
      try {
        manifest = BackupManifest.read(folder);
        flaws = manifest.flaws(folder);
      } catch (IOException e) {
        throw failed("the backup is of no use", e);
      }
      if (json()) {
        out()
            .line(
                BackupCommand.json(folder, manifest)
                    .put("sound", flaws.isEmpty())
                    .putTexts("flaws", flaws)
                    .toString());
      } else {
        flaws.forEach(flaw -> out().line(flaw));
        out()
            .line(
                String.format(
                    Locale.ROOT,
                    "%d files, %.1f MB: %s",
                    manifest.files().size(),
                    manifest.bytes() / 1e6,
                    flaws.isEmpty() ? "sound" : flaws.size() + " are not as they were written"));
      }
      return flaws.isEmpty() ? ExitCodes.OK : ExitCodes.FAILED;
    }
  }

  @Command(
      name = "restore",
      description =
          "Makes the data folders of a new cluster out of a backup; its brokers are started on them.")
  static final class Restore extends CliCommand {
    private static final int CLUSTER_ID_BYTES = 16;

    @Parameters(paramLabel = "FOLDER", description = "of a backup")
    Path folder;

    @Option(
        names = "--to",
        required = true,
        paramLabel = "FOLDER",
        description = "empty, or not there yet; gets a folder for each member")
    Path target;

    @Option(
        names = "--member",
        required = true,
        paramLabel = "NODE=RAFT,CLIENT",
        description = "1, 3 or 5 times: name, Raft address and client address (host:port) of each")
    List<String> members;

    @Override
    public Integer call() {
      BackupRestorer restorer =
          BackupRestorer.find()
              .orElseThrow(
                  () ->
                      new CliError(
                          ExitCodes.PRECONDITION,
                          "FAILED",
                          "the brokers' library is not here: run bin/keelmq of a distribution"));
      var parsed = new ArrayList<Member>();
      members.forEach(text -> parsed.add(member(text)));
      var random = new byte[CLUSTER_ID_BYTES];
      new SecureRandom().nextBytes(random);
      String clusterId = HexFormat.of().formatHex(random);
      try {
        restorer.restore(folder, target, clusterId, parsed);
      } catch (IllegalArgumentException e) {
        throw CliError.usage(Failures.oneLine(e.getMessage()));
      } catch (IOException e) {
        throw failed("nothing was restored", e);
      }
      print(clusterId, parsed);
      return ExitCodes.OK;
    }

    private static Member member(String text) {
      String[] parts = text.split("[=,]", -1);
      if (parts.length != 3) {
        throw CliError.usage(
            "--member "
                + text
                + ": expected NODE=RAFT,CLIENT, e.g. n1=10.0.0.1:10911,10.0.0.1:8081");
      }
      return new Member(parts[0], parts[1], parts[2]);
    }

    private void print(String clusterId, List<Member> restored) {
      if (json()) {
        out()
            .line(
                new Json()
                    .put("cluster_id", clusterId)
                    .putObjects(
                        "members",
                        restored.stream()
                            .map(
                                member ->
                                    new Json()
                                        .put("node", member.node())
                                        .put("raft_address", member.raftAddress())
                                        .put("client_address", member.clientAddress())
                                        .put("data_dir", target.resolve(member.node()).toString()))
                            .toList())
                    .toString());
        return;
      }
      out().line("cluster " + clusterId + "; start its brokers on name servers of their own:");
      restored.forEach(
          member ->
              out()
                  .line(
                      "  node=%s data.dir=%s raft.advertised=%s client.advertised=%s"
                          .formatted(
                              member.node(),
                              target.resolve(member.node()),
                              member.raftAddress(),
                              member.clientAddress())));
    }
  }

  private static Json json(Path folder, BackupManifest manifest) {
    return new Json()
        .put("folder", folder.toString())
        .put("cluster_id", manifest.clusterId())
        .put("broker_group", manifest.brokerGroup())
        .put("node", manifest.node())
        .put("index", manifest.index())
        .put("files", manifest.files().size())
        .put("bytes", manifest.bytes());
  }

  private static CliError failed(String what, IOException why) {
    return new CliError(
        ExitCodes.FAILED,
        "FAILED",
        what
            + ": "
            + Failures.oneLine(why.getMessage() == null ? why.toString() : why.getMessage()),
        why);
  }
}
