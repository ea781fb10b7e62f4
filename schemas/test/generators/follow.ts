// The documented flow, whatever client does it.

import * as assert from 'node:assert/strict';

export interface Row {
  sku: string;
  location: string;
  provider: string;
  stock: number;
}

export interface Reservation {
  sku: string;
  location: string;
  date: string;
}

export interface Client {
  /** The status of the answer. */
  create(row: Row): Promise<number>;
  /** The status of the answer. */
  reserve(reservation: Reservation): Promise<number>;
  /** The reserved stock of each stock of a SKU. */
  list(sku: string): Promise<number[]>;
  /** The stock in each store. */
  query(sku: string): Promise<number[]>;
  /** The status of the answer. */
  upsert(row: Row): Promise<number>;
}

export async function follow(name: string, client: Client): Promise<void> {
  const row = { sku: 'generated', location: '112', provider: 'shop_provider', stock: 5 };
  const dated = { sku: 'generated', location: '112', date: '2023-05-10' };
  assert.equal(await client.create(row), 201);
  assert.equal(await client.create(row), 400);
  assert.equal(await client.reserve(dated), 201);
  assert.equal(await client.reserve(dated), 208);
  assert.deepEqual(await client.list('generated'), [1]);
  assert.deepEqual(await client.query('generated'), [5]);
  assert.equal(await client.upsert({ ...row, stock: 7 }), 200);
  assert.deepEqual(await client.query('generated'), [7]);
  console.log(`${name}: creates, reserves, replays, lists, queries, upserts`);
}
