package io.keelmq.chaos;

import io.keelmq.client.KeelClient;
import io.keelmq.local.LocalProgram;
import io.keelmq.local.Seed;
import io.keelmq.local.Waiting;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * A process of lease consumers, one of each {@link Crew}, that a chaos run starts, kills and
 * replaces. It writes a history of its own, and obeys the lines on its standard input: {@code
 * drain} to acknowledge everything from then on, {@code close} to end in order. It ends with its
 * input.
 */
@Command(name = "consumer-process", description = "Lease consumers of a chaos run.")
public final class ConsumerProcess implements Callable<Integer> {

  /** Said when all consumers are open. */
  static final String OPEN = "open";

  private static final Duration OPEN_DEADLINE = Duration.ofSeconds(60);

  @Option(names = "--endpoints", required = true, description = "Name servers.")
  String endpoints;

  @Option(names = "--history", required = true, description = "File for what happens.")
  Path historyFile;

  @Option(names = "--first-number", required = true, description = "Of the first consumer.")
  int firstNumber;

  @Option(names = "--seed", required = true, description = "Of what the consumers do.")
  long seed;

  private final List<CrewMember> members = new ArrayList<>();

  private ConsumerProcess() {}

  public static void main(String[] args) {
    LocalProgram.main(new ConsumerProcess(), args);
  }

  @Override
  public Integer call() throws IOException {
    ScheduledExecutorService later = Executors.newScheduledThreadPool(1);
    try (var history = History.createUnbuffered(historyFile, System::nanoTime);
        var client = KeelClient.connect(endpoints);
        var commands =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (Crew crew : Crew.values()) {
        int number = firstNumber + crew.number();
        var random = new Seed(seed).random(number);
        members.add(new CrewMember(number, crew, client, history, random, later));
      }
      members.forEach(this::start);
      if (Waiting.until(OPEN_DEADLINE, () -> members.stream().allMatch(CrewMember::isOpen))) {
        System.out.println(OPEN);
      }
      obey(commands);
    } finally {
      later.shutdownNow();
    }
    return 0;
  }

  private void start(CrewMember member) {
    var thread = new Thread(member::run, "crew-" + members.indexOf(member));
    thread.setDaemon(true);
    thread.setUncaughtExceptionHandler(
        (who, failure) -> System.err.println(who.getName() + " ended with " + failure));
    thread.start();
  }

  private void obey(BufferedReader commands) throws IOException {
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      if (line.equals("drain")) {
        members.forEach(CrewMember::drain);
      } else if (line.equals("close")) {
        members.forEach(CrewMember::close);
        return;
      }
    }
  }
}
