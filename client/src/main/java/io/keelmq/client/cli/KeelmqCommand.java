package io.keelmq.client.cli;

import io.keelmq.common.Json;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code keelmq}: the options of all commands, and how each of them ends. For one thread. */
@Command(
    name = "keelmq",
    description = "Works with a KeelMQ cluster.",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = VersionCommand.class,
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done",
      "1:failed",
      "2:wrong usage",
      "3:no such topic, queue, consumer group or waiting message",
      "4:not now, try again: no leader, no answer in time, disks full, outcome unknown",
      "5:does not fit the present state",
    },
    subcommands = {
      TopicCommand.class,
      SendCommand.class,
      ReadCommand.class,
      ReceiveCommand.class,
      MessageCommand.class,
      GroupCommand.class,
      DlqCommand.class,
      TimerCommand.class,
      TxCommand.class,
      ClusterCommand.class,
      DoctorCommand.class,
      BackupCommand.class,
      BenchCommand.class,
      VersionCommand.class,
    })
final class KeelmqCommand implements Runnable {
  private static final String DEFAULT_ENDPOINTS = "127.0.0.1:9876";

  /** How results are written. */
  enum Form {
    TABLE,
    JSON
  }

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORM",
      scope = ScopeType.INHERIT,
      defaultValue = "table",
      description = "table (default) or json: one object a line")
  Form form;

  @Option(
      names = "--endpoints",
      paramLabel = "HOST:PORT,...",
      scope = ScopeType.INHERIT,
      description =
          "name servers; default: KEELMQ_ENDPOINTS, else NAMESRV_ADDR, else " + DEFAULT_ENDPOINTS)
  String endpoints;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      scope = ScopeType.INHERIT,
      defaultValue = "10s",
      converter = Converters.Length.class,
      description = "how long a call may take, e.g. 500ms, 10s; default 10s")
  Duration timeout;

  @Option(
      names = "--debug",
      scope = ScopeType.INHERIT,
      description = "print where in the program a failure came from")
  boolean debug;

  @Spec private CommandSpec spec;

  private final Console console;
  private final Cluster.Connector connector;

  private KeelmqCommand(Console console, Cluster.Connector connector) {
    this.console = console;
    this.connector = connector;
  }

  /** Runs one command line; never throws. */
  static int run(Console console, Cluster.Connector connector, String... args) {
    var root = new KeelmqCommand(console, connector);
    var line =
        new CommandLine(root)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setAbbreviatedOptionsAllowed(false)
            .setExecutionExceptionHandler((failure, command, parsed) -> root.failed(failure))
            .setParameterExceptionHandler((failure, words) -> root.misused(failure, words));
    line.setColorScheme(
        CommandLine.Help.defaultColorScheme(console.outIsTerminal() ? Ansi.ON : Ansi.OFF));
    line.setOut(new PrintWriter(new LineWriter(console.out()), true));
    int exitCode = line.execute(args);
    try {
      console.out().flush();
    } catch (Output.ReaderGone e) {
      // As with a command that met it earlier: nobody wants the rest.
      return exitCode;
    } catch (CliError e) {
      // A command that failed has told why, and this may be the reason again.
      return exitCode == ExitCodes.OK ? root.failed(e) : exitCode;
    }
    return exitCode;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing command");
  }

  Console console() {
    return console;
  }

  boolean json() {
    return form == Form.JSON;
  }

  Cluster connect() {
    if (timeout.isZero()) {
      throw CliError.usage("--timeout 0: give a time longer than nothing, e.g. 10s");
    }
    try {
      return connector.connect(endpoints(), timeout);
    } catch (IllegalArgumentException e) {
      throw CliError.usage(e.getMessage() + ": give --endpoints HOST:PORT,HOST:PORT");
    }
  }

  String endpoints() {
    if (endpoints != null) {
      return endpoints;
    }
    for (String variable : new String[] {"KEELMQ_ENDPOINTS", "NAMESRV_ADDR"}) {
      String value = console.variables().get(variable);
      if (value != null && !value.isBlank()) {
        return value;
      }
    }
    return DEFAULT_ENDPOINTS;
  }

  private int misused(ParameterException failure, String[] words) {
    // The parser stopped, so that -o may not have been read yet.
    String line = String.join(" ", words).toLowerCase(Locale.ROOT);
    if (line.matches("(.* )?(-o|--output)[ =]?json( .*)?")) {
      form = Form.JSON;
    }
    String help = failure.getCommandLine().getCommandSpec().qualifiedName();
    return failed(
        CliError.usage(Failures.oneLine(failure.getMessage()) + ": see `" + help + " --help`"));
  }

  /** Says what went wrong, once, and gives the exit code. */
  int failed(Throwable failure) {
    if (failure instanceof Output.ReaderGone) {
      return ExitCodes.FAILED;
    }
    try {
      console.out().flush();
    } catch (RuntimeException e) {
      // What failed first is what is told.
      failure.addSuppressed(e);
    }
    tell(Failures.line(failure, endpoints()), Failures.code(failure));
    if (debug) {
      failure.printStackTrace(console.err());
    }
    return Failures.exitCode(failure);
  }

  /** A line for people on standard error, and with {@code -o json} an object for programs. */
  void tell(String line, String code) {
    console.err().println("keelmq: " + line);
    if (json()) {
      console.err().println(new Json().put("error", line).put("code", code));
    }
  }
}
