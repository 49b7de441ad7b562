package io.keelmq.broker.api;

import io.keelmq.v1.Code;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which messages a consumer wants by their tags: all of them ({@code *} or nothing), or those whose
 * tag is one of several, separated by {@code ||}. Immutable.
 */
public final class TagFilter implements MessageFilter {

  static final int MAX_TAGS = 64;
  static final int MAX_BYTES = 4_096;

  private static final TagFilter EVERY_TAG = new TagFilter(List.of());

  private final List<byte[]> tags;

  private TagFilter(List<byte[]> tags) {
    this.tags = tags;
  }

  /** What is wrong with an expression, if anything is. */
  public static Optional<Refusal> check(String expression) {
    if (expression.getBytes(StandardCharsets.UTF_8).length > MAX_BYTES) {
      return illegal("takes more than " + MAX_BYTES + " bytes");
    }
    if (isAll(expression)) {
      return Optional.empty();
    }
    String[] tags = split(expression);
    if (tags.length > MAX_TAGS) {
      return illegal("names " + tags.length + " tags, at most " + MAX_TAGS + " are allowed");
    }
    for (String tag : tags) {
      if (tag.isBlank()) {
        return illegal("has an empty tag: expected tags separated by ||, or *");
      }
      if (tag.strip().equals("*")) {
        return illegal("names * beside other tags: * stands alone");
      }
      if (tag.indexOf('|') >= 0 || tag.chars().anyMatch(Character::isISOControl)) {
        return illegal("has a tag with a '|' or a control character, which no message has");
      }
    }
    return Optional.empty();
  }

  private static Optional<Refusal> illegal(String what) {
    return Optional.of(new Refusal(Code.ILLEGAL_FILTER_EXPRESSION, "the filter " + what));
  }

  /** Of an expression that was checked. */
  public static TagFilter of(String expression) {
    if (isAll(expression)) {
      return EVERY_TAG;
    }
    var tags = new ArrayList<byte[]>();
    for (String tag : split(expression)) {
      tags.add(tag.strip().getBytes(StandardCharsets.UTF_8));
    }
    return new TagFilter(tags);
  }

  private static boolean isAll(String expression) {
    return expression.isBlank() || expression.strip().equals("*");
  }

  private static String[] split(String expression) {
    return expression.split("\\|\\|", -1);
  }

  @Override
  public boolean takesAll() {
    return tags.isEmpty();
  }

  @Override
  public boolean takes(RecordHead record) {
    return takes(record.entry(), record.tagFrom(), record.tagLength());
  }

  /**
   * @param tagFrom where the tag stands; of no bytes if there is none
   */
  boolean takes(ByteBuffer bytes, int tagFrom, int tagLength) {
    if (tags.isEmpty()) {
      return true;
    }
    for (byte[] tag : tags) {
      if (tag.length == tagLength && isAt(tag, bytes, tagFrom)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isAt(byte[] tag, ByteBuffer bytes, int from) {
    for (int i = 0; i < tag.length; i++) {
      if (bytes.get(from + i) != tag[i]) {
        return false;
      }
    }
    return true;
  }
}
