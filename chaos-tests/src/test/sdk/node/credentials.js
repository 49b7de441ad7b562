'use strict';
// Sends with credentials that are right and wrong; see ../README.md.

const { Producer } = require('rocketmq-client-nodejs');

const [ endpoints, prefix, user, secret ] = process.argv.slice(2);
const topic = `${prefix}-secrets`;
// Its startup waits for ever for settings that a refused stream does not bring.
const PATIENCE_MS = 8_000;

function patiently(promise) {
  return Promise.race([
    promise,
    new Promise((_, reject) => {
      setTimeout(() => reject(new Error('the SDK does not come up')), PATIENCE_MS);
    }),
  ]);
}

async function send(sessionCredentials) {
  try {
    const producer = new Producer({ endpoints, namespace: '', topics: [ topic ], sessionCredentials });
    await patiently(producer.startup());
    await patiently(producer.send({ topic, body: Buffer.from('secret') }));
    return 'SENT';
  } catch (error) {
    return `REFUSED ${error}`.replaceAll('\n', ' ');
  }
}

async function main() {
  const all = {
    none: undefined,
    'wrong-secret': { accessKey: user, accessSecret: `${secret}x` },
    'unknown-user': { accessKey: `${user}x`, accessSecret: secret },
    right: { accessKey: user, accessSecret: secret },
  };
  for (const [ name, credentials ] of Object.entries(all)) {
    console.log(`${name} ${await send(credentials)}`);
  }
}

main().then(() => process.exit(0));
