package io.keelmq.broker.app;

import io.keelmq.raftlog.Disk;
import io.keelmq.raftlog.DiskFile;
import io.keelmq.raftlog.RealDisk;
import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.LoggerFactory;

/**
 * For tests: a disk for the log whose forces do what a file says, while it is there. {@code eio}
 * fails one and deletes the file; {@code stall} keeps them waiting until the file is gone.
 */
final class TestDisk {

  static final String FAULT_FILE = "keelmq.test.disk.fault";

  private static final long LOOK_NANOS = 20_000_000;

  private TestDisk() {}

  /** The real disk, unless a test asked for another one. */
  static Disk fromProperties() {
    String file = System.getProperty(FAULT_FILE);
    if (file == null) {
      return new RealDisk();
    }
    LoggerFactory.getLogger(TestDisk.class)
        .warn("the disk fails when a test asks for it, file={}", file);
    Path fault = Path.of(file);
    return wrap(Disk.class, new RealDisk(), fault);
  }

  private static <T> T wrap(Class<T> port, T real, Path fault) {
    InvocationHandler handler =
        (proxy, method, arguments) -> {
          if (method.getName().equals("force")) {
            beforeForce(fault);
          }
          try {
            Object result = method.invoke(real, arguments);
            return result instanceof DiskFile opened ? wrap(DiskFile.class, opened, fault) : result;
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        };
    return port.cast(
        Proxy.newProxyInstance(TestDisk.class.getClassLoader(), new Class<?>[] {port}, handler));
  }

  private static void beforeForce(Path fault) throws IOException {
    while (Files.exists(fault)) {
      if (Files.readString(fault).startsWith("eio")) {
        Files.delete(fault);
        throw new IOException("Input/output error");
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }
}
