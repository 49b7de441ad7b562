package io.keelmq.client.cli;

import io.keelmq.client.KeelException;
import io.keelmq.client.doctor.Examination;
import io.keelmq.client.doctor.Finding;
import io.keelmq.common.Json;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code keelmq doctor}. */
@Command(
    name = "doctor",
    description =
        "Looks at name servers, replicas, addresses, clocks, disks, digests and versions, and says"
            + " what to do.",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:sound: nothing has to be done",
      "1:something has to be done",
      "2:could not look, or wrong usage",
    })
final class DoctorCommand extends CliCommand {

  static final int NEEDS_ACTION = 1;
  static final int COULD_NOT_LOOK = 2;

  @Option(
      names = "--pause",
      paramLabel = "TIME",
      defaultValue = "2s",
      converter = Converters.Length.class,
      description = "between two looks, of which there are up to three; default 2s")
  Duration pause;

  @Override
  public Integer call() {
    try (Cluster cluster = root().connect()) {
      Examination examination =
          Examination.by(cluster.eyes(console().clock()), this::waitForTheNextLook);
      print(examination);
      return examination.isSound() ? ExitCodes.OK : NEEDS_ACTION;
    } catch (KeelException e) {
      throw new CliError(
          COULD_NOT_LOOK,
          e.code().name(),
          "could not look: " + Failures.oneLine(e.getMessage()),
          e);
    }
  }

  private void waitForTheNextLook() {
    try {
      TimeUnit.MILLISECONDS.sleep(pause.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CliError(COULD_NOT_LOOK, "FAILED", "interrupted", e);
    }
  }

  private void print(Examination examination) {
    int servers = examination.sight().status().nameServers().size();
    long replicas =
        examination.sight().status().groups().stream()
            .mapToLong(group -> group.replicas().size())
            .sum();
    if (json()) {
      out()
          .line(
              new Json()
                  .put("sound", examination.isSound())
                  .put("name_servers", servers)
                  .put("replicas", replicas)
                  .put("looks", examination.looks())
                  .putObjects(
                      "findings", examination.findings().stream().map(DoctorCommand::json).toList())
                  .toString());
      return;
    }
    for (Finding finding : examination.findings()) {
      out()
          .line(
              "%s  %s %s"
                  .formatted(
                      lower(finding.severity()),
                      Table.printable(finding.subject()),
                      Table.printable(finding.found())));
      out().line("    to do: " + Table.printable(finding.action()));
    }
    long toDo =
        examination.findings().stream().filter(finding -> finding.severity().needsAction()).count();
    out()
        .line(
            "looked at %d name servers and %d replicas: %s"
                .formatted(
                    servers,
                    replicas,
                    toDo == 0 ? "sound" : toDo == 1 ? "1 thing to do" : toDo + " things to do"));
  }

  private static Json json(Finding finding) {
    return new Json()
        .put("severity", lower(finding.severity()))
        .put("kind", finding.kind().name())
        .put("subject", finding.subject())
        .put("found", finding.found())
        .put("action", finding.action());
  }

  private static String lower(Finding.Severity severity) {
    return severity.name().toLowerCase(Locale.ROOT);
  }
}
