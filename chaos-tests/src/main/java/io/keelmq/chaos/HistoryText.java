package io.keelmq.chaos;

import io.keelmq.local.LocalProgram;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Prints the histories of a run that failed, merged, one event a line with its seconds since the
 * first.
 *
 * <p>{@code java -cp 'chaos-tests/target/keelmq/lib/*' io.keelmq.chaos.HistoryText --match
 * 'group=3, queue=16, offset=257,' FOLDER/logs/history*.bin}
 */
@Command(name = "history-text", description = "Histories of a chaos run as text.")
public final class HistoryText implements Callable<Integer> {

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(names = "--match", description = "Only events in whose text this pattern is found.")
  Pattern match = Pattern.compile("");

  @Parameters(arity = "1..*", paramLabel = "FILE", description = "Histories of one run.")
  List<Path> files;

  private HistoryText() {}

  public static void main(String[] args) {
    LocalProgram.main(new HistoryText(), args);
  }

  @Override
  public Integer call() {
    var firstNanos = new AtomicLong(Long.MIN_VALUE);
    History.replayAll(
        files,
        event -> {
          firstNanos.compareAndSet(Long.MIN_VALUE, event.nanos());
          String text = event.toString();
          if (match.matcher(text).find()) {
            System.out.printf(
                Locale.ROOT, "%10.3f %s%n", (event.nanos() - firstNanos.get()) / 1e9, text);
          }
        });
    return 0;
  }
}
