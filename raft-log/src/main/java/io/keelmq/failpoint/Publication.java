package io.keelmq.failpoint;

/**
 * The four places in the one way in which a file appears: written aside, forced, renamed, its
 * folder forced. Immutable.
 *
 * @param written the new file lies aside and its bytes may be in the page cache only
 * @param forced the new file lies aside, durable, and the old one is what counts
 * @param renamed the new file is what is seen; a power loss may bring the old one back
 * @param published the new file is there for good
 */
public record Publication(
    Failpoint written, Failpoint forced, Failpoint renamed, Failpoint published) {}
