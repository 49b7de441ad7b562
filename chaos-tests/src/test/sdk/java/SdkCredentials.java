import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.StaticSessionCredentialsProvider;

/** Sends with credentials that are right and wrong; see README.md. */
final class SdkCredentials {

  private SdkCredentials() {}

  public static void main(String[] args) {
    String endpoints = args[0];
    String topic = args[1] + "-secrets";
    String user = args[2];
    String secret = args[3];
    Map<String, ClientConfiguration> all = new LinkedHashMap<>();
    all.put("none", ClientConfiguration.newBuilder().setEndpoints(endpoints).build());
    all.put("wrong-secret", signing(endpoints, user, secret + "x"));
    all.put("unknown-user", signing(endpoints, user + "x", secret));
    all.put("right", signing(endpoints, user, secret));
    all.forEach((name, configuration) -> System.out.println(name + " " + send(configuration, topic)));
    // Clients leave threads behind that are no daemons.
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static ClientConfiguration signing(String endpoints, String user, String secret) {
    return ClientConfiguration.newBuilder()
        .setEndpoints(endpoints)
        .setCredentialProvider(new StaticSessionCredentialsProvider(user, secret))
        .build();
  }

  private static String send(ClientConfiguration configuration, String topic) {
    ClientServiceProvider provider = ClientServiceProvider.loadService();
    try (var producer =
        provider
            .newProducerBuilder()
            .setClientConfiguration(configuration)
            .setTopics(topic)
            .build()) {
      producer.send(
          provider.newMessageBuilder().setTopic(topic).setBody("secret".getBytes()).build());
      return "SENT";
    } catch (ClientException | java.io.IOException | RuntimeException e) {
      return ("REFUSED " + e).replaceAll("\\s+", " ");
    }
  }
}
