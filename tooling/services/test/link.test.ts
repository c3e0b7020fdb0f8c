import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startLink, type Link } from '../src/index.ts';

/** What each of the server's connections has had, and how it ended. */
interface Peer {
  readonly socket: Socket;
  text: string;
  end: 'open' | 'ended' | 'reset';
}

let server: Server;
let peers: Peer[];
let link: Link;

/** Follows what a socket gets; answers nothing. */
function follow(socket: Socket): Peer {
  const peer: Peer = { socket, text: '', end: 'open' };
  socket.on('data', (chunk) => (peer.text += chunk.toString()));
  socket.on('end', () => (peer.end = 'ended'));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') peer.end = 'reset';
  });
  return peer;
}

async function client(): Promise<Peer> {
  const socket = connect(link.port, '127.0.0.1');
  await once(socket, 'connect');
  return follow(socket);
}

/** A client, and the connection that the server has from it. */
async function pair(): Promise<[client: Peer, server: Peer]> {
  const near = await client();
  await expect.poll(() => peers.length).toBeGreaterThan(0);
  const far = peers.at(-1);
  if (far === undefined) throw new Error('The server has no connection');
  return [near, far];
}

/** Long enough for bytes that are not held to arrive. */
const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

beforeEach(async () => {
  peers = [];
  server = createServer((socket) => peers.push(follow(socket)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  link = await startLink({ port: (server.address() as AddressInfo).port });
});

afterEach(async () => {
  await link[Symbol.asyncDispose]();
  server.close();
});

test('bytes and ends go through both ways', async () => {
  const [near, far] = await pair();
  near.socket.write('to the server');
  far.socket.write('to the client');
  await expect.poll(() => [near.text, far.text]).toEqual(['to the client', 'to the server']);
  far.socket.end();
  await expect.poll(() => [near.end, far.end]).toEqual(['ended', 'ended']);
});

test('a cut link holds bytes, and nobody is told', async () => {
  const [near, far] = await pair();
  link.cut();
  near.socket.write('to the server');
  far.socket.write('to the client');
  await moment();
  expect([near.text, far.text, near.end, far.end]).toEqual(['', '', 'open', 'open']);
  link.heal();
  await expect.poll(() => [near.text, far.text]).toEqual(['to the client', 'to the server']);
});

test('the end of a server is not seen through a cut link before it is healed', async () => {
  const [near, far] = await pair();
  link.cut();
  far.socket.resetAndDestroy();
  await moment();
  expect(near.end).toBe('open');
  link.heal();
  await expect.poll(() => near.end).toBe('reset');
});

test('a connection made while the link is cut stays unanswered until it is healed', async () => {
  link.cut();
  const near = await client();
  near.socket.write('hello');
  await moment();
  expect(peers).toEqual([]);
  expect(near.end).toBe('open');
  link.heal();
  await expect.poll(() => peers[0]?.text).toBe('hello');
});

test('a reset reaches both sides; the next connection works', async () => {
  const [near, far] = await pair();
  link.reset();
  await expect.poll(() => [near.end, far.end]).toEqual(['reset', 'reset']);
  const [next] = await pair();
  next.socket.write('again');
  await expect.poll(() => peers[1]?.text).toBe('again');
});

test('a client of a server that does not run is reset', async () => {
  server.close();
  const near = await client();
  await expect.poll(() => near.end).toBe('reset');
});
