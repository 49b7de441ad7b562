package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.File;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Jars that JRaft and Bolt would bring, and that are kept out: vulnerable, or of no use here. */
class ClassPathTest {

  @ParameterizedTest
  @ValueSource(strings = {"hessian", "netty-all", "guava", "asm", "jna", "jsr305", "jmh"})
  void isWithoutTheJar(String artifact) {
    boolean there =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .map(path -> new File(path).getName())
            .anyMatch(jar -> jar.matches(artifact + "(-.*)?\\.jar"));

    assertFalse(there, artifact);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "com.caucho.hessian.io.SerializerFactory",
        "com.alipay.hessian.NameBlackListFilter",
        "com.google.common.collect.ImmutableList",
        "org.objectweb.asm.ClassReader",
        "com.sun.jna.Native",
        "javax.annotation.Nonnull",
        "org.openjdk.jmh.annotations.Benchmark"
      })
  void isWithoutTheClass(String name) {
    assertThrows(ClassNotFoundException.class, () -> Class.forName(name));
  }
}
