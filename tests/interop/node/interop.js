'use strict';
// The official Node client as the test's servant: calls as JSON lines on standard input, events as JSON lines on standard
// output; see the Java program for the dialogue.

const readline = require('readline');
const { Consumer, Message, Producer } = require('ali-ons');
const httpclient = { request() { throw new Error('no look-ups over HTTP in tests'); } };
const quiet = { debug() {}, info() {}, warn() {}, error() {}, write() {} };

const running = new Map();

function emit(id, event, fields) {
  process.stdout.write(JSON.stringify({ id, event, ...fields }) + '\n');
}

function named(name) {
  const client = running.get(name);
  if (!client) throw new Error('no client ' + name);
  return client;
}

const operations = {
  async producer(call) {
    const producer = new Producer({
      httpclient,
      logger: quiet,
      nameSrv: call.nameserver,
      producerGroup: call.group,
      namespace: call.namespace || '',
    });
    await producer.ready();
    running.set(call.producer, producer);
  },

  async send(call) {
    for (const message of call.messages) {
      const out = new Message(call.topic, message.tags || '', message.body);
      if (message.keys) out.keys = message.keys.split(' ');
      if (message.props) Object.assign(out.properties, message.props);
      const result = await named(call.producer).send(out);
      emit(call.id, 'sent', {
        status: result.sendStatus,
        msgId: result.msgId,
        queue: Number(result.messageQueue.queueId),
        offset: result.queueOffset,
      });
    }
  },

  async push(call) {
    const consumer = new Consumer({
      httpclient,
      logger: quiet,
      nameSrv: call.nameserver,
      consumerGroup: call.group,
      namespace: call.namespace || '',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    consumer.subscribe(call.topic, call.tags || '*', async message => {
      emit(call.id, 'received', {
        body: message.body.toString(),
        tags: message.tags,
        keys: message.keys,
        queue: message.queueId,
        offset: Number(message.queueOffset),
        msgId: message.msgId,
        // This client reads a nameless property out of the separator at the end.
        props: Object.fromEntries(Object.entries(message.properties).filter(([name]) => name !== '')),
      });
    });
    await consumer.ready();
    running.set(call.consumer, consumer);
    emit(call.id, 'started', {});
    await new Promise(resolve => { consumer.ended = resolve; });
  },

  async stop(call) {
    const client = named(call.name);
    running.delete(call.name);
    await client.close();
    if (client.ended) client.ended();
  },
};

async function answer(call) {
  try {
    if (!operations[call.op]) throw new Error('no operation ' + call.op);
    const fields = await operations[call.op](call);
    emit(call.id, 'done', fields);
  } catch (cause) {
    emit(call.id, 'failed', { class: cause.name, message: cause.message, code: cause.code, trace: cause.stack });
  }
}

const input = readline.createInterface({ input: process.stdin });
input.on('line', line => answer(JSON.parse(line)));
input.on('close', () => process.exit(0));
