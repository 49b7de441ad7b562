package io.keelmq.chaos.checks;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * State digests taken at the same log index are equal on all replicas, and there is at least one
 * index for which all of them gave one. So are the sums of their rows, which not all take of the
 * same entries while they start and catch up.
 */
public final class DigestsAgree implements Check {

  private final int replicas;
  private final Map<Long, String> digests = new HashMap<>();
  private final Map<Long, String> sums = new HashMap<>();
  private final Map<Long, Set<String>> spokenFor = new HashMap<>();
  private final Findings disagreements = new Findings();

  /** Digests that one replica may report; more is no digest window but a leak. */
  private static final int MAX_DIGESTS = 100_000;

  public DigestsAgree(int replicas) {
    this.replicas = replicas;
  }

  @Override
  public String promise() {
    return "replicas have the same state digest at the same log index";
  }

  public void digest(String replica, long index, String digest) {
    if (digests.size() >= MAX_DIGESTS) {
      throw new IllegalStateException("more than " + MAX_DIGESTS + " digests");
    }
    String first = digests.putIfAbsent(index, digest);
    spokenFor.computeIfAbsent(index, key -> new HashSet<>()).add(replica);
    if (first != null && !first.equals(digest)) {
      disagreements.add(
          "index %d: replica %s has %s, another had %s".formatted(index, replica, digest, first));
    }
  }

  /** Of all rows that a replica held behind an entry. */
  public void sum(String replica, long index, String sum) {
    if (sums.size() >= MAX_DIGESTS) {
      throw new IllegalStateException("more than " + MAX_DIGESTS + " sums of rows");
    }
    String first = sums.putIfAbsent(index, sum);
    if (first != null && !first.equals(sum)) {
      disagreements.add(
          "rows behind entry %d: replica %s has %s, another had %s"
              .formatted(index, replica, sum, first));
    }
  }

  @Override
  public void end(Findings findings) {
    disagreements.examples().forEach(findings::add);
    if (spokenFor.values().stream().noneMatch(who -> who.size() == replicas)) {
      findings.add("no log index for which all " + replicas + " replicas gave a digest");
    }
  }
}
