/**
 * The upstream of tests that need more than an echo: downloads that last as long as the test wants, and a record of what
 * came. It has no dependencies: it runs in a Pod from a ConfigMap, by the node of the operator's image.
 *
 *     GET  /download/ID     numbered lines, one every 20 ms, until the download is finished
 *     POST /finish/ID       ends the downloads of this ID: their last line is `end`
 *     GET  /hold/ID         answers once it is released
 *     POST /release/ID      answers those that are held under this ID, with 200
 *     GET  /record/ID       {"requests": [{"method", "path", "host"}]}: what came with the header `x-record: ID`
 *     any other             200, and is recorded
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

interface Recorded {
  method: string;
  path: string;
  host: string;
}

const downloads = new Map<string, Set<() => void>>();
const held = new Map<string, Set<ServerResponse>>();
const records = new Map<string, Recorded[]>();

function add<T>(sets: Map<string, Set<T>>, id: string, value: T): void {
  const set = sets.get(id) ?? new Set();
  sets.set(id, set.add(value));
}

function download(id: string, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain' });
  let line = 0;
  const timer = setInterval(() => {
    // Flow control of the whole way: a slow reader is not buffered for.
    if (!response.writableNeedDrain) response.write(`${line++}\n`);
  }, 20);
  const end = (): void => {
    response.end('end\n');
  };
  add(downloads, id, end);
  response.once('close', () => {
    clearInterval(timer);
    downloads.get(id)?.delete(end);
  });
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '/';
  const recordId = request.headers['x-record'];
  if (typeof recordId === 'string') {
    const entry = { method: request.method ?? '', path, host: request.headers.host ?? '' };
    records.set(recordId, [...(records.get(recordId) ?? []), entry]);
  }
  const [, verb, id = ''] = path.split('/');
  if (verb === 'download') {
    download(id, response);
  } else if (verb === 'finish') {
    const open = [...(downloads.get(id) ?? [])];
    for (const end of open) end();
    response.end(`${open.length}\n`);
  } else if (verb === 'hold') {
    add(held, id, response);
    response.once('close', () => held.get(id)?.delete(response));
  } else if (verb === 'release') {
    const waiting = [...(held.get(id) ?? [])];
    for (const each of waiting) each.end('released\n');
    response.end(`${waiting.length}\n`);
  } else if (verb === 'record') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ requests: records.get(id) ?? [] }));
  } else {
    response.end('ok\n');
  }
}

// The default of 5 s would make the proxy's idle connections end under its hands.
const server = createServer({ keepAliveTimeout: 3_600_000, requestTimeout: 0 }, handle);
server.listen(Number(process.env['PORT'] ?? 3000));
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
