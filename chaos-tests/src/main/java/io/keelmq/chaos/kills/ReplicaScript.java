package io.keelmq.chaos.kills;

import io.keelmq.broker.Membership.Place;
import io.keelmq.broker.ReplicaControl.Refused;
import io.keelmq.broker.raft.DamagedFolder;
import io.keelmq.broker.raft.UnusableFolderException;
import io.keelmq.local.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The life of a replica that is the only one of its group, as a program that may die in any part.
 * It notes each message that was acknowledged. Arguments: a folder, a port, and what to do.
 */
final class ReplicaScript {

  /** Below the incarnations that a leader counts up to. */
  static final int GIVEN = 1_000_000_007;

  private static final int MESSAGES = 45;

  /** Messages that stay, each with some that do not behind it. */
  private static final int KEPT = 12;

  private static final int PASSING_EACH = 3;

  /** What it does. */
  enum Part {
    /** Makes its group, takes messages and two snapshots. */
    SERVE,
    /** Takes messages of which most go soon, and makes room for more until it dies. */
    MAKE_ROOM,
    /** Sets aside what an earlier child served. */
    SET_ASIDE,
    /** Is given an incarnation, as an empty replica of a group of others. */
    JOIN
  }

  private ReplicaScript() {}

  static Path data(Path folder) {
    return folder.resolve("data");
  }

  private static Path notes(Path folder) {
    return folder.resolve("acked");
  }

  /** The port that a child was given here. */
  static int port(Path folder) throws IOException {
    return Integer.parseInt(Files.readString(folder.resolve("port")));
  }

  static int acked(Path folder) throws IOException {
    return Files.exists(notes(folder)) ? (int) Files.size(notes(folder)) : 0;
  }

  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[0]);
    int port = Integer.parseInt(arguments[1]);
    Files.writeString(folder.resolve("port"), arguments[1]);
    switch (Part.valueOf(arguments[2])) {
      case SERVE -> serve(folder, port);
      case MAKE_ROOM -> makeRoom(folder, port);
      case SET_ASIDE -> setAside(data(folder), port);
      case JOIN -> {
        try (var one = OneReplica.open(data(folder), port)) {
          join(one, port);
        }
      }
    }
  }

  private static void serve(Path folder, int port)
      throws IOException, UnusableFolderException, Refused {
    try (var one = OneReplica.open(data(folder), port)) {
      one.begin();
      for (int number = 1; number <= MESSAGES; number++) {
        send(one, folder, number);
        if (number == MESSAGES / 3 || number == MESSAGES * 2 / 3) {
          // The log begins behind the first of two.
          one.snapshot();
        }
      }
    }
  }

  private static void send(OneReplica one, Path folder, int number) throws IOException {
    one.send(number);
    Files.writeString(notes(folder), ".", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private static void makeRoom(Path folder, int port)
      throws IOException, UnusableFolderException, Refused {
    try (var one = OneReplica.open(data(folder), port)) {
      one.begin();
      one.beginPassing();
      int passing = 0;
      for (int number = 1; number <= KEPT; number++) {
        send(one, folder, number);
        for (int i = 0; i < PASSING_EACH; i++) {
          one.sendPassing(++passing);
        }
      }
      one.snapshot();
      send(one, folder, KEPT + 1);
      one.snapshot();
      // The replica looks for what it can do by itself, about once a second.
      Waiting.until(OneReplica.DEADLINE, () -> false);
    }
  }

  static void setAside(Path data, int port) throws IOException, UnusableFolderException {
    try (var held = DamagedFolder.take(OneReplica.options(data, port))) {
      held.setAside();
    }
  }

  static void join(OneReplica one, int port) throws Refused {
    one.replica().membership().take(new Place(OneReplica.plan(port, GIVEN), GIVEN));
  }
}
