package io.keelmq.raftlog;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The only file that knows JRaft is its adapter; of other modules nothing is known. */
class ArchitectureTest {

  @Test
  void onlyTheAdapterImportsJRaft() throws IOException {
    var found = Sources.main().filesWith(line -> line.startsWith("import com.alipay"));

    assertEquals(List.of("SegmentedLogStorage.java"), found);
  }

  @Test
  void importsNothingElseButTheJdkLoggingAndFailpoints() throws IOException {
    var found =
        Sources.main()
            .filesWith(
                line ->
                    line.startsWith("import ")
                        && !line.matches(
                            "import (static )?(java\\.|org\\.slf4j\\.|com\\.alipay\\.|io\\.keelmq\\.failpoint\\.).*"));

    assertEquals(List.of(), found);
  }

  @Test
  void isOneFlatPackageBesideTheFailpoints() throws IOException {
    var elsewhere =
        Sources.main()
            .filesWith(
                line ->
                    line.startsWith("package ")
                        && !line.matches("package io\\.keelmq\\.(raftlog|failpoint);"));

    assertEquals(List.of(), elsewhere);
  }
}
