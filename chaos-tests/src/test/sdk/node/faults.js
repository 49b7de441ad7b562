'use strict';
// The program of ../README.md that goes on while brokers die, with the Node SDK.

const readline = require('node:readline');
const {
  ConsumeResult, Producer, PushConsumer, SimpleConsumer,
} = require('rocketmq-client-nodejs');
const {
  TransactionResolution,
} = require('rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb');

const [ endpoints, prefix, security ] = process.argv.slice(2);
const common = { endpoints, namespace: '', sslEnabled: security === 'tls' };
const MESSAGE_GROUPS = 4;
const INVISIBLE_MS = 15_000;

let stopping = false;

const say = (...words) => process.stdout.write(`${words.join('\t')}\n`);
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
const topic = lane => `${prefix}-${lane}`;
const told = failure => String(failure).replace(/\s+/g, ' ');

/** Tells what came of it; undefined if it failed. */
async function call(kind, key, run) {
  const began = Date.now();
  try {
    const result = await run();
    say('call', kind, key, began, Date.now() - began, 'ok');
    return result ?? true;
  } catch (e) {
    say('call', kind, key, began, Date.now() - began, told(e));
    return undefined;
  }
}

async function producer(lane, checker) {
  const made = new Producer({ ...common, topics: [ topic(lane) ], ...(checker ? { checker } : {}) });
  await made.startup();
  return made;
}

const message = (lane, key, more = {}) => ({ topic: topic(lane), body: Buffer.from(key), ...more });

async function every(ms, run) {
  for (let number = 0; !stopping; number++) {
    await run(number);
    await sleep(ms);
  }
}

async function normal(sender) {
  await every(50, number => {
    const key = `normal-${number}`;
    return call('send-normal', key, () => sender.send(message('normal', key)));
  });
}

async function fifo(sender) {
  await every(50, number => {
    const messageGroup = `fifo-${number % MESSAGE_GROUPS}`;
    const key = `${messageGroup}-${Math.floor(number / MESSAGE_GROUPS)}`;
    return call('send-fifo', key, () => sender.send(message('fifo', key, { messageGroup })));
  });
}

async function delay(sender) {
  await every(200, async number => {
    const recalls = number % 5 === 4;
    const key = recalls ? `recall-${number}` : `delay-${number}`;
    const deliveryTimestamp = new Date(Date.now() + (recalls ? 30_000 : 3_000));
    const receipt = await call(
      'send-delay', key, () => sender.send(message('delay', key, { deliveryTimestamp })));
    if (receipt && recalls) {
      await call('recall', key, () => sender.recallMessage(topic('delay'), receipt.recallHandle));
    }
  });
}

async function transaction(sender) {
  await every(200, async number => {
    const key = `transaction-${number}`;
    const begun = sender.beginTransaction();
    if (await call('send-transaction', key, () => sender.send(message('transaction', key), begun))) {
      await call('commit', key, () => begun.commit());
    }
  });
}

async function startPush() {
  const lanes = [ 'normal', 'delay', 'transaction' ];
  await new PushConsumer({
    ...common,
    consumerGroup: `${prefix}-push`,
    subscriptions: new Map(lanes.map(lane => [ topic(lane), '*' ])),
    messageListener: {
      async consume(view) {
        say('got', 'push', view.body.toString(), Date.now());
        return ConsumeResult.SUCCESS;
      },
    },
  }).startup();
}

async function startSimple() {
  const consumer = new SimpleConsumer({
    ...common,
    consumerGroup: `${prefix}-fifo`,
    awaitDuration: 5_000,
    subscriptions: new Map([[ topic('fifo'), '*' ]]),
  });
  await consumer.startup();
  return consumer;
}

async function consume(consumer) {
  for (;;) {
    const began = Date.now();
    try {
      for (const view of await consumer.receive(16, INVISIBLE_MS)) {
        const key = view.body.toString();
        say('got', 'simple', key, Date.now());
        await call('ack', key, () => consumer.ack(view));
      }
    } catch (e) {
      say('call', 'receive', '-', began, Date.now() - began, told(e));
      // An error that comes at once would leave no turn to anything else.
      await sleep(10);
    }
  }
}

async function main() {
  const lanes = [
    [ normal, await producer('normal') ],
    [ fifo, await producer('fifo') ],
    [ delay, await producer('delay') ],
    [ transaction, await producer('transaction', {
      async check() {
        return TransactionResolution.COMMIT;
      },
    }) ],
  ];
  await startPush();
  void consume(await startSimple());
  const sending = Promise.all(lanes.map(([ lane, sender ]) => lane(sender)));
  say('open');
  const orders = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  await orders.next();
  stopping = true;
  await sending;
  say('stopped');
  await orders.next();
  process.exit(0);
}

main().catch(e => {
  console.error(e);
  process.exit(1);
});
