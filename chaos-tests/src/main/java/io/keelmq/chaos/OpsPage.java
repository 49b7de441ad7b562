package io.keelmq.chaos;

import io.keelmq.local.Node;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.OptionalDouble;

/** The metrics page of a running node. Stateless. */
final class OpsPage {

  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  /** One for all pages: each client keeps its connection open, and a page has room for few. */
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private OpsPage() {}

  /**
   * The sum of all lines of a metric.
   *
   * @throws IllegalStateException if the page does not have it
   */
  static double metric(Node node, String name) {
    double sum = 0;
    boolean found = false;
    for (String line : page(node).lines().toList()) {
      if (line.startsWith(name + " ") || line.startsWith(name + "{")) {
        sum += Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
        found = true;
      }
    }
    if (!found) {
      throw new IllegalStateException("the metrics of " + node.id() + " have no " + name);
    }
    return sum;
  }

  /** As {@link #metric}; empty if the page does not answer, as of a node that is being started. */
  static OptionalDouble ifAnswered(Node node, String name) {
    try {
      return OptionalDouble.of(metric(node, name));
    } catch (IllegalStateException | UncheckedIOException e) {
      return OptionalDouble.empty();
    }
  }

  private static String page(Node node) {
    var request =
        HttpRequest.newBuilder(URI.create("http://" + node.ops() + "/metrics"))
            .timeout(TIMEOUT)
            .build();
    try {
      return HTTP.send(request, BodyHandlers.ofString()).body();
    } catch (IOException e) {
      throw new UncheckedIOException("no metrics from %s: %s".formatted(node.id(), e), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
