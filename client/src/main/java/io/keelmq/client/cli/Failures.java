package io.keelmq.client.cli;

import io.keelmq.client.ClientClosed;
import io.keelmq.client.KeelException;
import io.keelmq.v1.Code;

/** What a failure means to the person or the script that ran the command. */
final class Failures {

  private Failures() {}

  static int exitCode(Throwable failure) {
    if (failure instanceof CliError error) {
      return error.exitCode();
    }
    if (failure instanceof ClientClosed || !(failure instanceof KeelException known)) {
      return ExitCodes.FAILED;
    }
    return exitCode(known.code());
  }

  static int exitCode(Code code) {
    return switch (code) {
      case TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, CONSUMER_GROUP_NOT_FOUND, HELD_NOT_FOUND ->
          ExitCodes.NOT_FOUND;
      case INTERNAL, OK, CODE_UNSPECIFIED, UNRECOGNIZED -> ExitCodes.FAILED;
      default ->
          switch (code.getNumber() / 100) {
            case 1 -> ExitCodes.USAGE;
            case 2 -> ExitCodes.PRECONDITION;
            case 3, 4 -> ExitCodes.UNAVAILABLE;
            default -> ExitCodes.FAILED;
          };
    };
  }

  /** A word for programs. */
  static String code(Throwable failure) {
    if (failure instanceof CliError error) {
      return error.code();
    }
    return failure instanceof KeelException known ? known.code().name() : "FAILED";
  }

  /**
   * One line: what is wrong, and what to do.
   *
   * @param endpoints the name servers that were asked
   */
  static String line(Throwable failure, String endpoints) {
    if (failure instanceof CliError) {
      return oneLine(failure.getMessage());
    }
    if (!(failure instanceof KeelException known)) {
      String what = failure.getClass().getSimpleName();
      return oneLine(failure.getMessage() == null ? what : what + ": " + failure.getMessage())
          + ": this is a fault of keelmq; run it again with --debug and report what it prints";
    }
    String what = oneLine(known.getMessage());
    String advice = advice(known.code(), endpoints);
    return advice.isEmpty() ? what : what + ": " + advice;
  }

  private static String advice(Code code, String endpoints) {
    return switch (code) {
      // The servers say to make it; what they cannot say is how.
      case TOPIC_NOT_FOUND -> "`keelmq topic create NAME` makes one, `keelmq topic list` shows all";
      case QUEUE_NOT_FOUND -> "`keelmq topic describe NAME` shows the queues";
      case CONSUMER_GROUP_NOT_FOUND -> "`keelmq group list` shows the consumer groups";
      case HELD_NOT_FOUND -> "`keelmq timer list` and `keelmq tx list` show what waits";
      case MESSAGE_TYPE_CONFLICT -> "`keelmq topic create NAME --type TYPE` makes a topic for it";
      case ILLEGAL_TOPIC -> "use 1 to 127 of the characters a-z A-Z 0-9 _ - %";
      case NOT_INITIALIZED -> "run `keelmq cluster init` once";
      case WARMING_UP -> "try again in a few seconds";
      case TOO_MANY_REQUESTS -> "send less at once, or try again";
      case DISK_FULL -> "free space on the brokers' disks; sends then go on by themselves";
      case NO_LEADER, SHUTTING_DOWN ->
          "start the cluster, or give its name servers with --endpoints (asked: %s)"
              .formatted(endpoints);
      case OUTCOME_UNKNOWN -> "it may have been applied: look before you repeat it";
      default -> "";
    };
  }

  static String oneLine(String text) {
    return text == null ? "" : Table.printable(text.strip().replaceAll("\\s*\\R\\s*", "; "));
  }
}
