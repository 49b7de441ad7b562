package io.keelmq.local;

import io.keelmq.local.ClusterFailure.Kind;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code scripts/cluster logs}: what a node wrote. */
@Command(name = "logs", description = "Show the last lines that a node wrote.")
final class ClusterLogsCommand implements Callable<Integer> {

  private static final long POLL_MILLIS = 200;
  private static final int BUFFER_BYTES = 64 * 1024;

  @CommandLine.ParentCommand ClusterCommand parent;

  @Parameters(paramLabel = "NODE", description = "n1.., ns1.. or leader.")
  String name;

  @Option(
      names = "-n",
      paramLabel = "LINES",
      defaultValue = "50",
      description = "How many, at most 64 KiB (default: ${DEFAULT-VALUE}).")
  int lines;

  @Option(names = "-f", description = "Go on with what the node writes, until Ctrl-C.")
  boolean follow;

  @Override
  public Integer call() throws InterruptedException {
    LocalCluster cluster = parent.open();
    Node node = cluster.node(name);
    long end = cluster.logFile(node).toFile().length();
    cluster.tail(node, lines).forEach(System.out::println);
    if (follow) {
      follow(cluster, node, end);
    }
    return 0;
  }

  private static void follow(LocalCluster cluster, Node node, long from)
      throws InterruptedException {
    var buffer = new byte[BUFFER_BYTES];
    try (var file = new RandomAccessFile(cluster.logFile(node).toFile(), "r")) {
      file.seek(from);
      while (!System.out.checkError()) {
        int read = file.read(buffer);
        if (read > 0) {
          System.out.write(buffer, 0, read);
          System.out.flush();
        } else {
          TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
        }
      }
    } catch (IOException e) {
      throw new ClusterFailure(
          Kind.FAILED, "cannot read " + cluster.logFile(node) + ": " + e.getMessage(), e);
    }
  }
}
