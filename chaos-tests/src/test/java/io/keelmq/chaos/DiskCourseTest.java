package io.keelmq.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class DiskCourseTest {

  private static final long LIVE = 1_000;

  private final DiskCourse course = new DiskCourse();

  /** After so many seconds 100 bytes were written in each of them. */
  private void sample(String node, int second, long folderBytes) {
    course.add(
        new DiskCourse.Sample(
            second, node, new DiskUse(folderBytes / 2, 10, folderBytes), 100L * second, LIVE));
  }

  @Test
  void aDiskThatFollowsWhatIsKeptIsSound() {
    for (int second = 1; second <= 60; second++) {
      sample("n1", second, Math.min(100L * second, 3_000));
    }

    assertEquals(List.of(), course.problems());
    String told = course.json().toString();
    assertTrue(told.contains("\"log_to_live_in_the_end\":1.5"), told);
    assertTrue(told.contains("\"written_bytes\":6000"), told);
    assertTrue(course.thinned().size() <= 40, "samples that are told");
  }

  @Test
  void aDiskThatGrowsAsIsWrittenIsFound() {
    for (int second = 1; second <= 60; second++) {
      sample("n1", second, Math.min(100L * second, 3_000));
      sample("n2", second, 100L * second);
    }

    List<String> problems = course.problems();

    assertEquals(1, problems.size(), problems::toString);
    assertTrue(
        problems.get(0).startsWith("BROKEN: the disk of n2 never fell behind what was written"),
        problems::toString);
  }

  @Test
  void aDiskThatHadRoomBeforeAnythingWasKeptHasNotFollowed() {
    sample("n1", 1, 0);
    for (int second = 2; second <= 60; second++) {
      sample("n1", second, 100L * second);
    }

    assertEquals(1, course.problems().size());
  }

  @Test
  void noLookAtADiskIsNoProof() {
    assertEquals(List.of("VOID: no disk was looked at"), course.problems());
  }
}
