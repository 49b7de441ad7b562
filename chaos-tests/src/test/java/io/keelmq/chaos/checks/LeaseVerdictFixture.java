package io.keelmq.chaos.checks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;

/** A made-up history, and what the checks of leases have to say about it. */
abstract class LeaseVerdictFixture {

  final LeaseScript script = new LeaseScript();

  final void holds() {
    var verdict = script.verdict();

    assertEquals(List.of(), verdict.problems());
  }

  final void breaks(Class<?>... checks) {
    var verdict = script.verdict();

    assertEquals(
        List.of(checks).stream().map(Class::getSimpleName).toList(),
        verdict.broken(),
        verdict.problems()::toString);
  }
}
