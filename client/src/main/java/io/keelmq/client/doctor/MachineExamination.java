package io.keelmq.client.doctor;

import io.keelmq.client.ClusterStatus.ReplicaState;
import io.keelmq.client.doctor.Finding.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Clocks, disks and versions of the machines that replicas run on. Stateless. */
final class MachineExamination {

  /** Delays and retention follow the leader's clock, whoever leads. */
  static final double MAX_SKEW_MILLIS = 1_000;

  /** Each acknowledgement waits for one on a majority. */
  static final double SLOW_FSYNC_MILLIS = 50;

  static final double LOW_DISK_BYTES = 10L << 30;
  static final double FULL_DISK_BYTES = 2L << 30;

  private static final double MIB = 1 << 20;

  private MachineExamination() {}

  static List<Finding> of(Sight sight) {
    var findings = new ArrayList<Finding>();
    for (ReplicaState replica : sight.replicas()) {
      String node = replica.route().getNode();
      sight.page(replica.route()).ifPresent(page -> examine(node, page, findings));
      notTold(sight, replica, findings);
    }
    clocks(sight, findings);
    versions(sight, findings);
    return findings;
  }

  private static void examine(String node, OpsPage page, List<Finding> findings) {
    page.fsyncMillis()
        .ifPresent(
            millis -> {
              if (millis >= SLOW_FSYNC_MILLIS) {
                findings.add(
                    Finding.warning(
                        Kind.SLOW_FSYNC,
                        node,
                        text("an fsync of its log takes %.1f ms on average", millis),
                        "put data.dir on a disk with a write cache that survives a power cut, with nothing else on it"));
              }
            });
    page.diskFreeBytes()
        .ifPresent(
            free -> {
              String found = text("%.0f MiB are free on its disk", free / MIB);
              String action =
                  "free space or make the disk larger, before it is full; delete topics or shorten their retention";
              if (free < FULL_DISK_BYTES) {
                findings.add(Finding.critical(Kind.LOW_DISK, node, found, action));
              } else if (free < LOW_DISK_BYTES) {
                findings.add(Finding.warning(Kind.LOW_DISK, node, found, action));
              }
            });
  }

  private static void notTold(Sight sight, ReplicaState replica, List<Finding> findings) {
    var missing = new ArrayList<String>();
    var page = sight.page(replica.route());
    if (page.filter(told -> told.skewMillis().isPresent()).isEmpty()) {
      missing.add("its clock");
    }
    if (page.filter(OpsPage::countsForces).isEmpty()) {
      missing.add("the time of an fsync");
    }
    if (page.filter(told -> told.diskFreeBytes().isPresent()).isEmpty()) {
      missing.add("free disk space");
    }
    if (replica.reachable() && !missing.isEmpty()) {
      findings.add(
          Finding.note(
              Kind.NOT_TOLD,
              replica.route().getNode(),
              "does not tell " + String.join(", ", missing),
              page.isPresent()
                  ? "look at that by hand; this version's metrics page does not have it"
                  : reachOps(replica.route().getOpsAddress())));
    }
  }

  private static String reachOps(String address) {
    return address.isEmpty()
        ? "it advertises no ops port: set ops.listen, or look at that by hand"
        : "let this machine reach its ops port, " + address + ", or look at that by hand";
  }

  private static void clocks(Sight sight, List<Finding> findings) {
    Map<String, Double> skews = new TreeMap<>();
    for (ReplicaState replica : sight.replicas()) {
      sight
          .page(replica.route())
          .ifPresent(
              page ->
                  page.skewMillis()
                      .ifPresent(millis -> skews.put(replica.route().getNode(), millis)));
    }
    double lowest = skews.values().stream().mapToDouble(Double::doubleValue).min().orElse(0);
    double highest = skews.values().stream().mapToDouble(Double::doubleValue).max().orElse(0);
    boolean together = highest - lowest <= MAX_SKEW_MILLIS;
    boolean allAreOff =
        skews.values().stream().allMatch(millis -> Math.abs(millis) > MAX_SKEW_MILLIS);
    if (skews.size() > 1 && together && allAreOff) {
      // They agree among each other.
      findings.add(skewed("this machine", -lowest, "the replicas'"));
      return;
    }
    skews.forEach(
        (node, millis) -> {
          if (Math.abs(millis) > MAX_SKEW_MILLIS) {
            findings.add(skewed(node, millis, "this machine's"));
          }
        });
  }

  private static Finding skewed(String subject, double millis, String others) {
    return Finding.warning(
        Kind.CLOCK_SKEW,
        subject,
        text(
            "its clock is at least %.1f s %s of %s",
            Math.abs(millis) / 1e3, millis > 0 ? "ahead" : "behind", others),
        "let NTP set its clock (chronyc tracking, timedatectl); delays and retention follow the clock of who leads");
  }

  private static void versions(Sight sight, List<Finding> findings) {
    Map<String, String> versions = new TreeMap<>();
    for (ReplicaState replica : sight.replicas()) {
      String version = replica.route().getSoftwareVersion();
      if (!version.isEmpty()) {
        versions.put(replica.route().getNode(), version);
      }
    }
    if (versions.values().stream().distinct().count() > 1) {
      findings.add(
          Finding.warning(
              Kind.VERSIONS_DIFFER,
              "cluster",
              "replicas run different versions: " + versions,
              "end the upgrade: restart the older ones with the new version, one at a time, the leader last"));
    }
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
