package io.keelmq.nameserver;

import io.keelmq.common.HostPort;
import io.keelmq.rocketmq.RouteShaper;
import java.util.List;

/**
 * A topic in one broker group, as SDKs ask for it. Immutable.
 *
 * @param place what SDKs are told
 * @param calls replicas to which calls can be passed on, best first
 */
record TopicPlace(RouteShaper.Place place, List<HostPort> calls) {}
