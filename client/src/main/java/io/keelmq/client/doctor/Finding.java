package io.keelmq.client.doctor;

/**
 * Something that is not as it should be. Immutable.
 *
 * @param subject whom it is about: a node, an address of a name server, a broker group, or {@code
 *     this machine}
 * @param found what was seen, with its figures
 * @param action what to do about it, one line
 */
public record Finding(Severity severity, Kind kind, String subject, String found, String action) {

  /** How much it matters. */
  public enum Severity {
    /** Messages cannot be stored, or are in danger now. */
    CRITICAL,
    /** The next fault would hurt, or somebody is served badly. */
    WARNING,
    /** Worth knowing; nothing has to be done. */
    NOTE;

    public boolean needsAction() {
      return this != NOTE;
    }
  }

  /** What programs tell findings by: never renamed. */
  public enum Kind {
    NAME_SERVER_SILENT,
    NAME_SERVER_WARMING_UP,
    NO_GROUP,
    CLUSTERS_DIFFER,
    LEADERS_DIFFER,
    REPLICAS_DIFFER,
    TOPICS_DIFFER,
    NOT_INITIALIZED,
    NO_LEADER,
    SEVERAL_LEADERS,
    MEMBER_MISSING,
    REPLICA_SILENT,
    REPLICA_NOT_READY,
    REPLICA_LAGS,
    PEER_SILENT,
    MEMBER_CHANGES,
    SNAPSHOT_COMES,
    ADDRESS_WILDCARD,
    ADDRESS_LOOPBACK,
    ADDRESS_UNRESOLVED,
    ADDRESS_UNREACHABLE,
    CLOCK_SKEW,
    SLOW_FSYNC,
    LOW_DISK,
    DIGESTS_DIFFER,
    VERSIONS_DIFFER,
    LEVELS_DIFFER,
    LEVEL_HELD,
    LEVEL_STAYS,
    NOT_TOLD
  }

  static Finding critical(Kind kind, String subject, String found, String action) {
    return new Finding(Severity.CRITICAL, kind, subject, found, action);
  }

  static Finding warning(Kind kind, String subject, String found, String action) {
    return new Finding(Severity.WARNING, kind, subject, found, action);
  }

  static Finding note(Kind kind, String subject, String found, String action) {
    return new Finding(Severity.NOTE, kind, subject, found, action);
  }
}
