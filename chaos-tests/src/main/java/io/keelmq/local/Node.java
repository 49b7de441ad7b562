package io.keelmq.local;

import io.keelmq.common.HostPort;

/**
 * One process of a local cluster: what it is called and where it listens. Immutable; kept in the
 * cluster's file, because the members' addresses are part of what a broker group agreed on.
 *
 * @param id {@code n1}.. for brokers, {@code ns1}.. for name servers
 * @param clientPort where clients call it; for a name server its only gRPC port
 * @param raftPort 0 for a name server
 */
public record Node(String id, Role role, int clientPort, int raftPort, int opsPort) {

  public enum Role {
    NAME_SERVER("io.keelmq.nameserver.NameServerMain", "nameserver.jvm"),
    BROKER("io.keelmq.broker.app.BrokerMain", "broker.jvm");

    private final String mainClass;
    private final String jvmFile;

    Role(String mainClass, String jvmFile) {
      this.mainClass = mainClass;
      this.jvmFile = jvmFile;
    }

    String mainClass() {
      return mainClass;
    }

    /** The file of JVM options in the distribution's {@code conf}. */
    String jvmFile() {
      return jvmFile;
    }
  }

  public static final String HOST = "127.0.0.1";

  public boolean isBroker() {
    return role == Role.BROKER;
  }

  public HostPort client() {
    return new HostPort(HOST, clientPort);
  }

  /** Only of brokers. */
  public HostPort raft() {
    return new HostPort(HOST, raftPort);
  }

  public HostPort ops() {
    return new HostPort(HOST, opsPort);
  }
}
