package io.keelmq.client.cli;

/** How the command line ends; scripts rely on these, so they never change. */
final class ExitCodes {
  static final int OK = 0;
  static final int FAILED = 1;
  static final int USAGE = 2;
  static final int NOT_FOUND = 3;

  /** No cluster, no leader, or no answer in time; trying again later may help. */
  static final int UNAVAILABLE = 4;

  /** The request is right and does not fit the present state. */
  static final int PRECONDITION = 5;

  private ExitCodes() {}
}
