package io.keelmq.client.cli;

import io.keelmq.common.Json;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** {@code keelmq version}. */
@Command(name = "version", description = "Tells the version of this program.")
final class VersionCommand extends CliCommand implements IVersionProvider {

  @Override
  public Integer call() {
    if (json()) {
      out()
          .line(
              new Json()
                  .put("version", version())
                  .put("java_version", Runtime.version().toString())
                  .toString());
    } else {
      out().line(getVersion()[0]);
    }
    return ExitCodes.OK;
  }

  @Override
  public String[] getVersion() {
    return new String[] {"keelmq " + version() + " (Java " + Runtime.version() + ")"};
  }

  private static String version() {
    String version = KeelmqMain.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
