package io.keelmq.edge;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import java.util.regex.Pattern;

/** Tells addresses from names without asking anybody for them. */
final class IpAddresses {

  private static final Pattern V4 = Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}");

  private IpAddresses() {}

  /** The 4 or 16 bytes of an address; empty if the host is a name. */
  static Optional<byte[]> bytes(String host) {
    // A name has no colon; digits and dots alone are never looked up.
    if (host.indexOf(':') < 0 && !V4.matcher(host).matches()) {
      return Optional.empty();
    }
    try {
      return Optional.of(InetAddress.getByName(host).getAddress());
    } catch (UnknownHostException e) {
      return Optional.empty();
    }
  }
}
