package io.keelmq.client.cli;

import picocli.CommandLine.Option;

/** Which broker group a command is about. */
final class BrokerGroupOption {

  /** Empty: the only one. */
  @Option(
      names = "--group",
      paramLabel = "GROUP",
      defaultValue = "",
      description = "default: the only one")
  String name;
}
