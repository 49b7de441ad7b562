/**
 * Reads the sources of all modules and keeps the house in order. Imports {@code java.*} and JUnit.
 */
package io.keelmq.house;
