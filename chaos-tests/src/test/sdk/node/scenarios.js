'use strict';
// The scenarios of ../README.md with the Node SDK.

const {
  ConsumeResult, FilterExpression, Producer, PushConsumer, SimpleConsumer,
} = require('rocketmq-client-nodejs');
const {
  FilterType, TransactionResolution,
} = require('rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb');

const PATIENCE_MS = 60_000;
const INVISIBLE_MS = 30_000;
const [ endpoints, prefix, security ] = process.argv.slice(2);
// What the SDK waits for an answer: its three seconds are short where others build.
const requestTimeout = 15_000;
const common = { endpoints, namespace: '', sslEnabled: security === 'tls', requestTimeout };

// What the scenarios are made of.

function check(holds, found) {
  if (!holds) throw new Error(found);
}

function sleep(ms) {
  return new Promise(resolve => setTimeout(resolve, ms));
}

function range(count, make) {
  return Array.from({ length: count }, (_, i) => make(i));
}

const text = view => view.body.toString();

/** Starts clients, runs, and shuts them down whatever happens. */
async function using(clients, run) {
  const started = [];
  try {
    for (const client of clients) {
      await client.startup();
      started.push(client);
    }
    return await run();
  } finally {
    for (const client of started.reverse()) {
      await client.shutdown();
    }
  }
}

function producer(topics, checker) {
  return new Producer({ ...common, topics, ...(checker ? { checker } : {}) });
}

function simple(consumerGroup, topic, filter = '*') {
  return new SimpleConsumer({
    ...common, consumerGroup, awaitDuration: 5_000, subscriptions: new Map([[ topic, filter ]]),
  });
}

/** Ends with this process: its shutdown waits for polls, which take 20 s. */
async function push(consumerGroup, topics, consume) {
  const consumer = new PushConsumer({
    ...common,
    consumerGroup,
    subscriptions: new Map(topics.map(topic => [ topic, '*' ])),
    messageListener: { consume },
  });
  await consumer.startup();
}

function collect(got) {
  return async view => {
    got.push(view);
    return ConsumeResult.SUCCESS;
  };
}

/** Receives and acknowledges until there are so many. */
async function receive(consumer, count) {
  const got = [];
  const deadline = Date.now() + PATIENCE_MS;
  while (got.length < count) {
    check(Date.now() < deadline, `got ${got.length} of ${count}`);
    for (const view of await consumer.receive(16, INVISIBLE_MS)) {
      await consumer.ack(view);
      got.push(view);
    }
  }
  return got;
}

async function checkNothingMore(consumer) {
  // One poll lasts for as long as a poll may; its end shows that nothing came.
  const more = await consumer.receive(16, INVISIBLE_MS);
  check(more.length === 0, `more than expected: ${more.map(text)}`);
}

async function awaitBodies(got, bodies) {
  const deadline = Date.now() + PATIENCE_MS;
  while (got.length < bodies.length && Date.now() < deadline) await sleep(20);
  await sleep(300);
  checkSame(got.map(text), bodies);
}

function checkSame(found, expected) {
  check(
    JSON.stringify([ ...found ].sort()) === JSON.stringify([ ...expected ].sort()),
    `expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
}

// The scenarios; each returns what the SDK lacks for it, or nothing.

async function normal() {
  const topic = `${prefix}-normal`;
  const sender = producer([ topic ]);
  const consumer = simple(topic, topic);
  await using([ sender, consumer ], async () => {
    const sent = [];
    for (let i = 0; i < 20; i++) {
      const receipt = await sender.send({
        topic, tag: 't', keys: [ `k${i}` ], properties: new Map([[ 'i', `${i}` ]]),
        body: Buffer.from(`normal ${i}`),
      });
      sent.push(receipt.messageId);
    }
    const got = await receive(consumer, 20);
    checkSame(got.map(view => view.messageId), sent);
    for (const view of got) {
      const i = view.properties.get('i');
      check(text(view) === `normal ${i}`, text(view));
      check(view.tag === 't', `tag ${view.tag}`);
      check(view.keys.length === 1 && view.keys[0] === `k${i}`, `keys ${view.keys}`);
      check(view.deliveryAttempt === 1, `attempt ${view.deliveryAttempt}`);
    }
    await checkNothingMore(consumer);
  });
}

async function pushes() {
  const topic = `${prefix}-push`;
  const got = [];
  const sender = producer([ topic ]);
  await push(topic, [ topic ], collect(got));
  await using([ sender ], async () => {
    const bodies = range(50, i => `push ${i}`);
    for (const body of bodies) await sender.send({ topic, body: Buffer.from(body) });
    await awaitBodies(got, bodies);
  });
}

async function twoTopics() {
  const topics = [ `${prefix}-two-topics`, `${prefix}-two-topics-2` ];
  const got = [];
  const sender = producer(topics);
  await push(topics[0], topics, collect(got));
  await using([ sender ], async () => {
    const bodies = range(20, i => `${topics[i % 2]} ${i}`);
    for (let i = 0; i < bodies.length; i++) {
      await sender.send({ topic: topics[i % 2], body: Buffer.from(bodies[i]) });
    }
    await awaitBodies(got, bodies);
    for (const view of got) check(text(view).startsWith(`${view.topic} `), `${text(view)} in ${view.topic}`);
  });
}

async function fifo() {
  const topic = `${prefix}-fifo`;
  const got = [];
  const sender = producer([ topic ]);
  await push(topic, [ topic ], collect(got));
  await using([ sender ], async () => {
    const bodies = range(30, i => `group-${i % 3} ${Math.floor(i / 3)}`);
    for (const body of bodies) {
      await sender.send({ topic, messageGroup: body.split(' ')[0], body: Buffer.from(body) });
    }
    await awaitBodies(got, bodies);
    for (let group = 0; group < 3; group++) {
      const order = got.filter(view => view.messageGroup === `group-${group}`).map(text);
      check(
        JSON.stringify(order) === JSON.stringify(range(10, i => `group-${group} ${i}`)), `order ${order}`);
    }
  });
}

async function delay() {
  const topic = `${prefix}-delay`;
  const sender = producer([ topic ]);
  const consumer = simple(topic, topic);
  await using([ sender, consumer ], async () => {
    const deliveryTimestamp = new Date(Date.now() + 8_000);
    await sender.send({ topic, deliveryTimestamp, body: Buffer.from('kept') });
    const recalled = await sender.send({ topic, deliveryTimestamp, body: Buffer.from('recalled') });
    const receipt = await sender.recallMessage(topic, recalled.recallHandle);
    check(receipt.messageId === recalled.messageId, `recalled ${receipt.messageId}`);
    const got = await receive(consumer, 1);
    check(text(got[0]) === 'kept', text(got[0]));
    check(Date.now() >= deliveryTimestamp.getTime(), 'delivered too early');
    await checkNothingMore(consumer);
  });
}

async function transaction() {
  const topic = `${prefix}-transaction`;
  const asked = [];
  const sender = producer([ topic ], {
    async check(view) {
      asked.push(text(view));
      return TransactionResolution.COMMIT;
    },
  });
  const consumer = simple(topic, topic);
  await using([ sender, consumer ], async () => {
    const committed = sender.beginTransaction();
    await sender.send({ topic, body: Buffer.from('committed') }, committed);
    await committed.commit();
    const rolledBack = sender.beginTransaction();
    await sender.send({ topic, body: Buffer.from('rolled back') }, rolledBack);
    await rolledBack.rollback();
    await sender.send({ topic, body: Buffer.from('undecided') }, sender.beginTransaction());
    const got = await receive(consumer, 2);
    checkSame(got.map(text), [ 'committed', 'undecided' ]);
    checkSame(new Set(asked), [ 'undecided' ]);
    await checkNothingMore(consumer);
  });
}

/** The first dead letter makes their topic, and nothing can be subscribed to before. */
async function onceThere(make, run) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const client = make();
    try {
      await client.startup();
    } catch (e) {
      if (Date.now() > deadline) throw e;
      await sleep(500);
      continue;
    }
    try {
      return await run(client);
    } finally {
      await client.shutdown();
    }
  }
}

async function dlq() {
  const topic = `${prefix}-dlq`;
  const attempts = [];
  const sender = producer([ topic ]);
  await push(topic, [ topic ], async view => {
    attempts.push(view.deliveryAttempt);
    return ConsumeResult.FAILURE;
  });
  await using([ sender ], async () => {
    await sender.send({ topic, properties: new Map([[ 'p', 'v' ]]), body: Buffer.from('doomed') });
    await onceThere(() => simple(`${topic}-dead`, `%DLQ%${topic}`), async dead => {
      const got = await receive(dead, 1);
      check(text(got[0]) === 'doomed', text(got[0]));
      check(got[0].properties.get('p') === 'v', 'the property is lost');
      check(JSON.stringify(attempts) === '[1,2]', `attempts ${attempts}`);
    });
  });
}

/** Sends a1 b2 c3 a4: tag and number of each message. */
async function filtered(scenario, filter, expected) {
  const topic = `${prefix}-${scenario}`;
  const sender = producer([ topic ]);
  const consumer = simple(topic, topic, filter);
  await using([ sender, consumer ], async () => {
    for (const each of [ 'a1', 'b2', 'c3', 'a4' ]) {
      await sender.send({
        topic, tag: each[0], properties: new Map([[ 'n', each[1] ]]), body: Buffer.from(each),
      });
    }
    checkSame((await receive(consumer, expected.length)).map(text), expected);
    await checkNothingMore(consumer);
  });
}

function tag() {
  return filtered('tag', 'a || b', [ 'a1', 'b2', 'a4' ]);
}

function sql() {
  const filter = new FilterExpression(
    "(TAGS = 'a' AND n > 1) OR n BETWEEN 2.5 AND 9", FilterType.SQL);
  return filtered('sql', filter, [ 'c3', 'a4' ]);
}

async function priority() {
  const topic = `${prefix}-priority`;
  const sender = producer([ topic ]);
  const consumer = simple(topic, topic);
  await using([ sender, consumer ], async () => {
    await sender.send({ topic, priority: 3, body: Buffer.from('urgent') });
    const got = await receive(consumer, 1);
    check(got[0].priority === 3, `priority ${got[0].priority}`);
  });
}

async function report(name, scenario) {
  const start = Date.now();
  try {
    const lacks = await scenario();
    console.log(lacks ? `SKIP ${name} ${lacks}` : `PASS ${name} ${Date.now() - start}`);
  } catch (e) {
    console.error(e);
    console.log(`FAIL ${name} ${String(e).replace(/\s+/g, ' ')}`);
  }
}

Promise.all(Object.entries({
  normal, push: pushes, 'two-topics': twoTopics, fifo, delay, transaction, dlq, tag, sql, priority,
}).map(([ name, scenario ]) => report(name, scenario))).then(() => process.exit(0));
