package io.keelmq.failpoint;

import java.util.Optional;

/**
 * The named places at which a test lets the process die. Each says what state the disk is in there;
 * what a replica promises must hold in every one of them.
 *
 * <p>{@code -Dkeelmq.failpoint=ROLL_SEALED:3} ends the process at the third hit of that one: it
 * writes {@code FAILPOINT ROLL_SEALED hit 3} to standard error and halts with {@link #EXIT_CODE}.
 * Without the property {@link #hit} is an empty method to the compiler of the JVM.
 *
 * <p>A new name needs a line here, a place that calls {@code hit()}, and a rig of {@code
 * FailpointRounds} that reaches it: tests fail until all three are there.
 */
public enum Failpoint {
  // ---- append

  /** Nothing of the batch has been handed to the file system. */
  APPEND_BEGUN,
  /** A first part of a batch that is longer than the staging buffer is written, not forced. */
  APPEND_PARTLY_WRITTEN,
  /** The whole batch is written, and not forced. */
  APPEND_WRITTEN,
  /** The batch is durable, and nobody has been told. */
  APPEND_FORCED,

  // ---- roll and seal

  /** The full segment is written and not forced; the next one does not exist. */
  ROLL_FLUSHED,
  /** The full segment is durable and has no sidecar. */
  ROLL_FORCED,
  /** The sidecar lies aside, not forced. */
  SEAL_WRITTEN,
  /** The sidecar lies aside, durable. */
  SEAL_FORCED,
  /** The sidecar has its name, which is not durable. */
  SEAL_RENAMED,
  /** The sidecar is there for good, and no segment follows. */
  SEAL_PUBLISHED,
  /** The next segment's header lies aside, not forced. */
  SEGMENT_WRITTEN,
  /** The next segment's header lies aside, durable. */
  SEGMENT_FORCED,
  /** The next segment has its name, which is not durable. */
  SEGMENT_RENAMED,
  /** The next segment is there for good, and empty. */
  SEGMENT_PUBLISHED,

  // ---- the log's bounds, first.meta

  /** New bounds lie aside, not forced. */
  BOUNDS_WRITTEN,
  /** New bounds lie aside, durable. */
  BOUNDS_FORCED,
  /** New bounds have their name, which is not durable. */
  BOUNDS_RENAMED,
  /** New bounds are there for good; what they announce has not begun. */
  BOUNDS_PUBLISHED,

  // ---- truncate

  /** The durable floor is lowered, all entries are there. */
  TRUNCATE_FLOOR_LOWERED,
  /** A whole segment behind the cut is gone, others may be there. */
  TRUNCATE_SEGMENT_GONE,
  /** The active segment is cut, which is not durable. */
  TRUNCATE_CUT,
  /** The active segment is cut durably; nobody has been told. */
  TRUNCATE_CUT_FORCED,
  /** The kept part of a sealed segment lies aside, not forced. */
  TRUNCATE_COPY_WRITTEN,
  /** The kept part of a sealed segment lies aside, durable; segment and sidecar are whole. */
  TRUNCATE_COPY_FORCED,
  /** The sealed segment has lost its sidecar, which is not durable. */
  TRUNCATE_SIDECAR_DELETED,
  /** The sealed segment has lost its sidecar for good. */
  TRUNCATE_SIDECAR_GONE,
  /** The kept part is in the segment's place, which is not durable. */
  TRUNCATE_COPY_RENAMED,
  /** The kept part is in the segment's place for good. */
  TRUNCATE_COPY_PUBLISHED,
  /** The log is durable, and its logical first index is about to move. */
  PREFIX_FORCED,
  /** The logical first index has moved; the segments before it are there. */
  PREFIX_MOVED,
  /** A segment's file is deleted, its sidecar is there; neither is durable. */
  DELETE_SEGMENT,
  /** Segment and sidecar are deleted, which is not durable. */
  DELETE_SIDECAR,

  // ---- reset

  /** The old log; nothing of the reset. */
  RESET_BEGUN,
  /** The bounds say that a reset has begun; every segment is there. */
  RESET_ANNOUNCED,
  /** The bounds say that a reset has begun; the newest segments are gone. */
  RESET_SEGMENT_GONE,
  /** The bounds say that a reset has begun; no segment is there. */
  RESET_SEGMENTS_GONE,
  /** The log is empty and steady; nobody has been told. */
  RESET_DONE,

  // ---- snapshot: what the log gives to it

  /** A segment is linked into the snapshot's folder, its sidecar is not. */
  SNAPSHOT_SEGMENT_LINKED,

  // ---- adopt

  /** The snapshot's segments are checked; the old log is as it was. */
  ADOPT_CHECKED,
  /** A link that only tries whether links work lies in the log's folder. */
  ADOPT_PROBED,
  /** The bounds say that an adoption has begun; the old segments are there. */
  ADOPT_ANNOUNCED,
  /** The bounds say that an adoption has begun; some old segments are deleted, not durably. */
  ADOPT_SEGMENT_DELETED,
  /** The bounds say that an adoption has begun; no segment is there. */
  ADOPT_SEGMENTS_GONE,
  /** A file of the snapshot is linked in; its name is not durable. */
  ADOPT_LINKED,
  /** The copy of the snapshot's last segment lies aside, not forced. */
  ADOPT_TAIL_WRITTEN,
  /** The copy of the snapshot's last segment lies aside, durable. */
  ADOPT_TAIL_FORCED,
  /** The copy has its name, which is not durable. */
  ADOPT_TAIL_RENAMED,
  /** All files of the snapshot are in for good; the bounds still say that it is being adopted. */
  ADOPT_FILES_IN,
  /** The log is the snapshot's; nobody has been told. */
  ADOPT_DONE,

  // ---- trim

  /** Rows have said what is needed; nothing is deleted. */
  TRIM_DECIDED,
  /** The oldest segment is about to be deleted. */
  TRIM_BEGUN,
  /** The oldest segment is gone for good, others that may go are there. */
  TRIM_SEGMENT_GONE,

  // ---- recovery of the log

  /** What a crash left aside has been removed. */
  RECOVERY_LEFTOVERS_GONE,
  /** A torn tail is cut, which is not durable. */
  RECOVERY_TAIL_CUT,
  /** What nothing proves to be durable was written once more, not forced. */
  RECOVERY_REWRITTEN,
  /** The active segment is durable as it was found; the floor is the old one. */
  RECOVERY_FORCED,
  /** The segments of an interrupted reset or adoption are gone; the bounds say it still. */
  RECOVERY_GIVEN_UP_GONE,
  /** A closing log has forced its entries; the floor is the old one. */
  CLOSE_FORCED,

  // ---- rows

  /** A new store is whole under another name. */
  ROWS_CREATED,
  /** A batch of rows is in memory only. */
  ROWS_COMMITTED,
  /** A flush was asked for, and may have written any part. */
  ROWS_FLUSH_BEGUN,
  /** A flush has ended: the rows are durable. */
  ROWS_FLUSHED,
  /** The rows are durable; the checkpoint's folder is not there. */
  CHECKPOINT_BEGUN,
  /** The checkpoint is whole, and in no snapshot yet. */
  CHECKPOINT_MADE,
  /** A file of a checkpoint is linked or copied beside the store. */
  SWAP_FILE_PREPARED,
  /** The new store lies beside the old one, whole and durable. */
  SWAP_PREPARED,
  /** The old store is closed and under another name: there is none of the right one. */
  SWAP_OLD_ASIDE,
  /** The new store has its name, which is not durable. */
  SWAP_RENAMED,
  /** The new store has its name for good, the old one is still there. */
  SWAP_PUBLISHED,
  /** The old store is deleted. */
  SWAP_DONE,

  // ---- raft meta: term and vote

  /** A new vote lies aside, not forced. */
  VOTE_WRITTEN,
  /** A new vote lies aside, durable. */
  VOTE_FORCED,
  /** A new vote has its name, which is not durable. */
  VOTE_RENAMED,
  /** A new vote is there for good; Raft has not been told. */
  VOTE_PUBLISHED,

  // ---- incarnation: who a replica is

  /** A new identity lies aside, not forced. */
  IDENTITY_WRITTEN,
  /** A new identity lies aside, durable. */
  IDENTITY_FORCED,
  /** A new identity has its name, which is not durable. */
  IDENTITY_RENAMED,
  /** A new identity is there for good, and its copy is the old one. */
  IDENTITY_PUBLISHED,
  /** The leader gave an incarnation; the folder says nothing of it. */
  INCARNATION_GIVEN,
  /** The incarnation is written down; Raft has not begun under it. */
  INCARNATION_TAKEN,
  /** The folder for the remains is made, and empty. */
  ASIDE_FOLDER_MADE,
  /** The remains know whose they are; the data folder is as it was. */
  ASIDE_NAMED,
  /** The identity says that the folder is being emptied; all is there. */
  ASIDE_ANNOUNCED,
  /** A first entry of the data folder is moved, the others are not. */
  ASIDE_ENTRY_MOVED,
  /** All is moved, and the identity says that it is being emptied. */
  ASIDE_MOVED,

  // ---- snapshot: save and publish

  /** The unpublished snapshot holds the rows. */
  SNAPSHOT_ROWS_SAVED,
  /** The unpublished snapshot holds rows and links to the log. */
  SNAPSHOT_LOG_LINKED,
  /** The unpublished snapshot is whole, and its names are not durable. */
  SNAPSHOT_FILES_WRITTEN,
  /** The unpublished snapshot is durable but for its listing. */
  SNAPSHOT_SAVED,
  /** The snapshot is published, and has no seal. */
  SNAPSHOT_PUBLISHED,
  /** The listing's seal lies aside, not forced. */
  SNAPSHOT_SEAL_WRITTEN,
  /** The listing's seal lies aside, durable. */
  SNAPSHOT_SEAL_FORCED,
  /** The listing's seal has its name, which is not durable. */
  SNAPSHOT_SEAL_RENAMED,
  /** The snapshot is published and sealed; nobody has been told. */
  SNAPSHOT_SEALED,

  // ---- making room

  /** It is known which queues are too large; nothing is proposed. */
  QUEUE_TRIM_DECIDED,
  /** Queues have lost their oldest rows; the log has what they named. */
  QUEUES_TRIMMED,
  /** Bodies that outlive their segments are read; nothing of the copy is proposed. */
  RELOCATION_DECIDED,
  /** A copy of bodies is on its way into the log, in any state. */
  RELOCATION_PROPOSED,
  /** Rows name the copy; the bodies are there twice. */
  RELOCATED,
  /** What no row names is gone from the log; nothing was counted, the last snapshot has it. */
  LOG_FREED,

  // ---- snapshot: download and load

  /** The leader's listing is known; the unpublished folder holds what an earlier try left. */
  DOWNLOAD_BEGUN,
  /** Some files of the snapshot are here, compared and durable. */
  DOWNLOAD_FILE_HERE,
  /** Every file is here and durable; the folder has no name that counts. */
  DOWNLOAD_COMPLETE,
  /** The downloaded snapshot is published; log and rows are the old ones. */
  DOWNLOAD_PUBLISHED,
  /** A published snapshot is about to be brought in. */
  LOAD_BEGUN,
  /** Every file of it was compared; log and rows are the old ones. */
  LOAD_CHECKED,
  /** The log is the snapshot's, the rows are the old ones. */
  LOAD_LOG_ADOPTED,
  /** That the rows are another replica's is about to be noted; they are the old ones. */
  INHERITED_WRITTEN,
  INHERITED_FORCED,
  INHERITED_RENAMED,
  INHERITED_PUBLISHED,
  /** Log and rows are the snapshot's; nobody has been told. */
  LOAD_ROWS_RESTORED;

  /** {@code NAME} or {@code NAME:hit}. */
  public static final String PROPERTY = "keelmq.failpoint";

  /** Of a process that died at a failpoint: no JVM, no signal and no program of ours ends so. */
  public static final int EXIT_CODE = 86;

  private static final Optional<Armed> ARMED = Armed.parse(armed());

  /**
   * Constant to the compiler of the JVM, which leaves nothing of {@link #hit} where it is false.
   */
  private static final boolean ON = ARMED.isPresent();

  /** Dies here, if this process was started to. */
  public void hit() {
    if (ON) {
      ARMED.orElseThrow().reached(this);
    }
  }

  /** What this process was started to die of. */
  public static Optional<String> armed() {
    return Optional.ofNullable(System.getProperty(PROPERTY));
  }

  /** What a process writes, in a line of its own, when it dies. */
  public static String line(Failpoint failpoint, long hit) {
    return "FAILPOINT " + failpoint + " hit " + hit;
  }
}
