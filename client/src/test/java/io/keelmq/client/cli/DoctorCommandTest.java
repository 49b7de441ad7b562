package io.keelmq.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.keelmq.client.ClientValues;
import io.keelmq.v1.ReplicaRole;
import org.junit.jupiter.api.Test;

/** Over a fake cluster of which n2 does not answer. */
class DoctorCommandTest {
  private final CommandLineRun keelmq = new CommandLineRun();

  @Test
  void tellsWhatToDoAndEndsWithOne() {
    int exitCode = keelmq.run("doctor", "--pause", "0");

    assertEquals(1, exitCode, () -> keelmq.errLines().toString());
    assertTrue(keelmq.out().contains("warning  n2 does not answer: connection refused"));
    assertTrue(keelmq.out().contains("    to do: see that it runs and what its log says"));
    assertTrue(
        keelmq.out().endsWith("looked at 1 name servers and 2 replicas: 1 thing to do\n"),
        keelmq::out);
  }

  @Test
  void tellsProgramsInOneObject() {
    int exitCode = keelmq.run("doctor", "--pause", "0", "-o", "json");

    assertEquals(1, exitCode);
    assertEquals(1, keelmq.outLines().size());
    assertTrue(
        keelmq
            .out()
            .startsWith(
                "{\"sound\":false,\"name_servers\":1,\"replicas\":2,\"looks\":3,\"findings\":[{\"severity\":\"warning\",\"kind\":\"REPLICA_SILENT\",\"subject\":\"n2\""),
        keelmq::out);
  }

  @Test
  void endsWithZeroWhenNothingHasToBeDone() {
    keelmq.cluster.brokerGroups.secondAnswers = true;

    int exitCode = keelmq.run("doctor", "--pause", "0");

    assertEquals(0, exitCode, keelmq::out);
    assertTrue(keelmq.out().endsWith("sound\n"), keelmq::out);
  }

  @Test
  void endsWithTwoWhenItCouldNotLook() {
    keelmq.cluster.failure = ClientValues.unavailable("no name server answered");

    int exitCode = keelmq.run("doctor", "-o", "json");

    assertEquals(2, exitCode);
    assertTrue(keelmq.errLines().get(0).contains("could not look: no name server answered"));
    assertTrue(keelmq.errLines().get(1).contains("\"code\":\"NO_LEADER\""));
  }

  @Test
  void needsALeader() {
    keelmq.cluster.brokerGroups.role = ReplicaRole.FOLLOWER;

    int exitCode = keelmq.run("doctor", "--pause", "0", "-o", "json");

    assertEquals(1, exitCode);
    assertTrue(keelmq.out().contains("\"kind\":\"NO_LEADER\""), keelmq::out);
  }
}
