package io.keelmq.broker.state;

/**
 * How far a replica's rows have come.
 *
 * @param index of the last entry whose changes the rows hold; 0: none
 * @param term of that entry
 * @param timeMillis log time of that entry
 * @param digest hash over all changes up to it
 */
public record Applied(long index, long term, long timeMillis, long digest) {

  public static final Applied NOTHING = new Applied(0, 0, 0, 0);
}
