/** The witnesses notice what they are there to notice: without this, a suite of theirs that passes would say nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { freePort, waitFor } from '../../fixtures/index.ts';
import { root } from './cluster.ts';
import { Download, EchoSocket } from './longLived.ts';
import { type RequestTo, send } from './request.ts';
import { SteadyClient } from './steadyClient.ts';

async function serve(handle: RequestListener): Promise<{ server: Server; to: RequestTo }> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, to: { address: '127.0.0.1', port: (server.address() as AddressInfo).port, host: 'test.example' } };
}

function ask(to: RequestTo): SteadyClient {
  const client = new SteadyClient({ targets: [{ name: 'test', to }] });
  onTestFinished(() => client.stop());
  return client;
}

test('a steady client is content with 200, over kept and over new connections', async () => {
  const sockets = new Set<Socket>();
  const { server, to } = await serve((_request, response) => response.end('ok'));
  server.on('connection', (socket: Socket) => sockets.add(socket));
  const client = ask(to);
  await client.during('nothing', () => client.goOn());
  client.expectNone();
  expect(sockets.size).toBeGreaterThan(20);
});

test('a steady client tells of one 503 among many answers, and of what was done meanwhile', async () => {
  let bad = 0;
  const { to } = await serve((_request, response) => {
    if (bad > 0) response.statusCode = 503;
    bad -= 1;
    response.end('no healthy upstream');
  });
  const client = ask(to);
  await client.during('calm', () => client.goOn());
  const disturbed = client.during('a disturbance', async () => {
    bad = 1;
    await client.goOn();
  });
  await expect(disturbed).rejects.toThrow(
    /^1 requests .*\n.*\[a disturbance\] test, .*: status 503: no healthy upstream$/,
  );
  await client.during('calm again', () => client.goOn());
  expect(() => client.expectNone()).toThrow('1 requests');
});

test('a steady client tells of a connection that is reset, and of an answer that is cut', async () => {
  let spoil: 'reset' | 'cut' | undefined;
  const { to } = await serve((_request, response) => {
    const how = spoil;
    spoil = undefined;
    if (how === 'reset') response.socket?.resetAndDestroy();
    else if (how === 'cut') response.write('half', () => response.destroy());
    else response.end('ok');
  });
  const client = ask(to);
  spoil = 'reset';
  await waitFor('the reset to be told', () =>
    client.failures.some(({ reason }) => reason.includes('before the answer')),
  );
  spoil = 'cut';
  await waitFor('the cut to be told', () => client.failures.some(({ reason }) => reason.includes('within the answer')));
});

test('a WebSocket that is closed did not last', async () => {
  const { server, to } = await serve((_request, response) => response.end());
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(data.toString())));
  const lasting = await EchoSocket.open('it', to);
  await lasting.expectAlive();
  const cut = await EchoSocket.open('the other', to);
  for (const socket of sockets.clients) if (socket !== [...sockets.clients][0]) socket.close(1001, 'draining');
  await waitFor('it to be noticed', () =>
    cut.expectAlive().then(
      () => false,
      (error) => String(error).includes('code 1001 draining'),
    ),
  );
  await lasting.finish();
});

test('a download that is cut, or ends without its end, did not last', async () => {
  const port = await freePort();
  const upstream = spawn(process.execPath, [join(root, 'test/cluster/upstream/upstream.ts')], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'inherit',
  });
  onTestFinished(() => void upstream.kill('SIGKILL'));
  const to = { address: '127.0.0.1', port, host: 'test.example' };
  await waitFor('the upstream to listen', () => send(to));
  const whole = await Download.open('it', to);
  await whole.expectAlive();
  await whole.finish();
  const cut = await Download.open('the other', to);
  await cut.expectAlive();
  upstream.kill('SIGTERM');
  await waitFor('the cut to be noticed', () =>
    cut.expectAlive().then(
      () => false,
      (error) => String(error).includes('did not last'),
    ),
  );
});
