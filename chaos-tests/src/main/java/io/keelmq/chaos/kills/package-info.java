/**
 * Child JVMs that die at a failpoint in the middle of a script on log, rows or one replica, and
 * what must be found in the folder they leave. Imports the servers' own classes, which it runs
 * without servers; whole brokers that die are in {@code io.keelmq.chaos}.
 */
package io.keelmq.chaos.kills;
