package io.keelmq.client.doctor;

import io.keelmq.client.doctor.Finding.Severity;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What is to be said about a cluster. Immutable.
 *
 * @param findings the worst first
 * @param looks how many it took
 */
public record Examination(Sight sight, List<Finding> findings, int looks) {

  /** What is wrong at one look may be a change under way; what stays for that long is not. */
  static final int MAX_LOOKS = 3;

  public Examination {
    findings = List.copyOf(findings);
  }

  /** Looks at a cluster; its failures are those of the client. */
  @FunctionalInterface
  public interface Eyes {
    Sight look();
  }

  /**
   * Looks once, and again as long as something would have to be done about what was found.
   *
   * @param pause waits between two looks
   */
  public static Examination by(Eyes eyes, Runnable pause) {
    Examination last = of(eyes.look(), 1);
    while (!last.isSound() && last.looks() < MAX_LOOKS) {
      pause.run();
      last = of(eyes.look(), last.looks() + 1);
    }
    return last;
  }

  static Examination of(Sight sight, int looks) {
    var findings = new ArrayList<Finding>();
    findings.addAll(NameServerExamination.of(sight));
    findings.addAll(GroupExamination.of(sight));
    findings.addAll(LevelExamination.of(sight));
    findings.addAll(AddressExamination.of(sight));
    findings.addAll(MachineExamination.of(sight));
    findings.sort(Comparator.comparing(Finding::severity));
    return new Examination(sight, findings, looks);
  }

  /** Nothing has to be done. */
  public boolean isSound() {
    return findings.stream().map(Finding::severity).noneMatch(Severity::needsAction);
  }
}
