// Appends 600-byte events with one event store: node append.mjs STORE CLIENTS SECONDS, the database's URL in DATABASE_URL.
// Each client goes on with a stream for ten events, with the version it expects, as an aggregate does. Prints events a second.
import { randomUUID } from 'node:crypto';

const [store, clients, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const url = process.env.DATABASE_URL;
const payload = { text: 'x'.repeat(588) };
const STREAM_LENGTH = 10;

const stores = {
  async emmett() {
    const { getPostgreSQLEventStore } = await import('@event-driven-io/emmett-postgresql');
    const events = getPostgreSQLEventStore(url);
    return {
      append: (stream, version) =>
        events.appendToStream(stream, [{ type: 'SessionHeld', data: payload }], {
          expectedStreamVersion: version === 1 ? 'STREAM_DOES_NOT_EXIST' : BigInt(version - 1),
        }),
      close: () => events.close(),
    };
  },
  async castore() {
    const { PostgresEventStorageAdapter } = await import('@castore/event-storage-adapter-postgres');
    await PostgresEventStorageAdapter.createEventTable({ connectionString: url });
    const events = new PostgresEventStorageAdapter({ connectionString: url });
    return {
      append: (stream, version) =>
        events.pushEvent(
          { aggregateId: stream, version, type: 'SESSION_HELD', payload },
          { eventStoreId: 'MENTORSHIPS' },
        ),
      close: () => {},
    };
  },
};

const { append, close } = await stores[store]();
await append(randomUUID(), 1);
const until = performance.now() + seconds * 1000;

async function client() {
  for (let done = 0; ; ) {
    const stream = randomUUID();
    for (let version = 1; version <= STREAM_LENGTH; version++) {
      if (performance.now() >= until) return done;
      await append(stream, version);
      done++;
    }
  }
}

const began = performance.now();
const counts = await Promise.all(Array.from({ length: clients }, client));
const rate = counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - began) / 1000);
console.log(JSON.stringify({ rate }));
await close();
process.exit(0);
