package io.keelmq.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import javax.tools.ToolProvider;

/**
 * A distribution of programs that do nothing but answer {@code /ready} as a broker or a name server
 * does: compiled when a test needs it, run as real processes. A broker is uninitialized until a
 * file {@code initialized} is in its data folder; n1 leads.
 */
final class FakeDistribution {

  private static final String SOURCE =
      """
      package %s;
      import com.sun.net.httpserver.HttpServer;
      import java.net.InetSocketAddress;
      import java.nio.charset.StandardCharsets;
      import java.nio.file.*;
      import java.util.*;
      public final class %s {
        public static void main(String[] args) throws Exception {
          var settings = new HashMap<String, String>();
          for (String arg : args) {
            settings.put(arg.substring(0, arg.indexOf('=')), arg.substring(arg.indexOf('=') + 1));
          }
          System.out.println("starting " + settings);
          String node = settings.getOrDefault("node", "");
          if (node.equals(settings.get("fails"))) {
            System.out.println("ERROR no reason to live");
            System.exit(3);
          }
          if ("true".equals(settings.get("stubborn"))) {
            // The signal is heard and nothing comes of it.
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
              try { new java.util.concurrent.CountDownLatch(1).await(); } catch (InterruptedException e) { }
            }));
          }
          Path data = Path.of(settings.getOrDefault("data.dir", "."));
          String[] ops = settings.get("ops.listen").split(":");
          var server = HttpServer.create(new InetSocketAddress(ops[0], Integer.parseInt(ops[1])), 0);
          server.createContext("/ready", call -> {
            boolean started = node.isEmpty() || "true".equals(settings.get("auto")) || Files.exists(data.resolve("initialized"));
            String role = node.isEmpty() ? "NAME_SERVER"
                : !started ? "UNINITIALIZED" : node.equals("n1") ? "LEADER" : "FOLLOWER";
            byte[] body = ("{\\"ready\\":" + started + ",\\"role\\":\\"" + role
                + "\\",\\"reason\\":\\"" + (started ? "" : "waits for init") + "\\"}")
                .getBytes(StandardCharsets.UTF_8);
            call.sendResponseHeaders(started ? 200 : 503, body.length);
            call.getResponseBody().write(body);
            call.close();
          });
          server.start();
        }
      }
      """;

  private FakeDistribution() {}

  static Distribution in(Path folder) throws IOException {
    Path source = Files.createDirectories(folder.resolve("source"));
    Path classes = Files.createDirectories(folder.resolve("classes"));
    Path lib = Files.createDirectories(folder.resolve("lib"));
    var files = List.of(Node.Role.BROKER.mainClass(), Node.Role.NAME_SERVER.mainClass());
    try (var jar = new JarOutputStream(Files.newOutputStream(lib.resolve("fake.jar")))) {
      for (String main : files) {
        int dot = main.lastIndexOf('.');
        Path file = source.resolve(main.substring(dot + 1) + ".java");
        Files.writeString(file, SOURCE.formatted(main.substring(0, dot), main.substring(dot + 1)));
        int exit =
            ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-d", classes.toString(), file.toString());
        if (exit != 0) {
          throw new IOException("the fake program does not compile");
        }
        String entry = main.replace('.', '/') + ".class";
        jar.putNextEntry(new JarEntry(entry));
        jar.write(Files.readAllBytes(classes.resolve(entry)));
      }
    }
    return Distribution.at(folder);
  }

  /** Initializes the brokers by putting the file into their data folders. */
  static GroupBootstrap bootstrap(Path clusterDir) {
    return (endpoints, replicas, deadline) -> {
      try {
        for (int i = 1; i <= replicas; i++) {
          Path data = Files.createDirectories(NodeLauncher.dataDir(clusterDir, "n" + i));
          Files.writeString(data.resolve("initialized"), endpoints);
        }
      } catch (IOException e) {
        throw new ClusterFailure(ClusterFailure.Kind.FAILED, "no data folder", e);
      }
    };
  }
}
