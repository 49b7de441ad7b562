/**
 * What {@code keelmq doctor} looks at and what it says about it: a {@link
 * io.keelmq.client.doctor.Sight} is taken from name servers, replicas and operators' pages, and the
 * examinations are pure functions of it. Owned by the thread of the command. May import {@code
 * io.keelmq.client}, {@code io.keelmq.common} and {@code io.keelmq.v1}.
 */
package io.keelmq.client.doctor;
