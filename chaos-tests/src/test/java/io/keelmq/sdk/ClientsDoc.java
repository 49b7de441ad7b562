package io.keelmq.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The programs in {@code docs/clients.md}, taken from there as they stand. */
final class ClientsDoc {

  static final String TOPIC = "hello";

  /** In each program; the address of the local cluster. */
  private static final String ADDRESS = "127.0.0.1:9876";

  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final Path FILE = ROOT.resolve("docs/clients.md");
  private static final Duration RUN_WITHIN = Duration.ofMinutes(2);
  private static final Pattern BLOCK =
      Pattern.compile(
          "^## (.+?)$|^```(java|js|python|go)\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL);

  private ClientsDoc() {}

  /**
   * One of them.
   *
   * @param title the heading above it
   */
  record Program(String title, Toolchain toolchain, String text) {

    /** What it prints when its message has come back. */
    String expectedLine() {
      return "received: hello from " + title;
    }

    List<String> run(String nameServer) throws IOException, InterruptedException {
      if (toolchain.missing().isPresent()) {
        return List.of();
      }
      toolchain.prepare();
      assertTrue(text.contains(ADDRESS), title + ": expected " + ADDRESS);
      Path source = toolchain.folder().resolve(fileName());
      Files.writeString(source, text.replace(ADDRESS, nameServer));
      List<String> command =
          toolchain == Toolchain.JAVA ? Toolchain.java("5.2.0", source) : toolchain.program(source);
      if (text.contains("_pb2_grpc")) {
        generateStubs(toolchain.program(Path.of("-m")));
      }
      return toolchain.run("doc-" + name(), RUN_WITHIN, command);
    }

    private String name() {
      return title.toLowerCase(java.util.Locale.ROOT).replaceAll("[^a-z]+", "_");
    }

    private String fileName() {
      return switch (toolchain) {
        case JAVA -> "Hello.java";
        case NODE -> "hello.js";
        case PYTHON -> "hello_" + name() + ".py";
        case GO -> "hello.go";
      };
    }

    /** With the command that the document tells. */
    private void generateStubs(List<String> python) throws IOException, InterruptedException {
      var command = new ArrayList<>(python);
      command.addAll(
          List.of(
              "grpc_tools.protoc",
              "-I",
              ROOT.resolve("proto/src/main/proto").toString(),
              "--python_out=.",
              "--grpc_python_out=.",
              "apache/rocketmq/v2/definition.proto",
              "apache/rocketmq/v2/service.proto"));
      toolchain.install(command.toArray(String[]::new));
    }
  }

  static List<Program> programs() throws IOException {
    var programs = new ArrayList<Program>();
    String title = "";
    Matcher blocks = BLOCK.matcher(Files.readString(FILE));
    while (blocks.find()) {
      if (blocks.group(1) != null) {
        title = blocks.group(1);
      } else {
        programs.add(new Program(title, toolchain(blocks.group(2)), blocks.group(3)));
      }
    }
    assertEquals(
        List.of("Java", "Node", "Python", "Go", "Any language: plain gRPC"),
        programs.stream().map(Program::title).toList());
    return programs;
  }

  private static Toolchain toolchain(String language) {
    return switch (language) {
      case "java" -> Toolchain.JAVA;
      case "js" -> Toolchain.NODE;
      case "python" -> Toolchain.PYTHON;
      case "go" -> Toolchain.GO;
      default -> throw new IllegalArgumentException(language);
    };
  }
}
