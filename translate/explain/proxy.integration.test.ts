/** What `explain` reads from the resources is what the real Envoy does with them. */
import { globSync, readFileSync } from 'node:fs';
import type http from 'node:http';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RouteConfigurationSchema } from '../../api/envoy/envoy/config/route/v3/route_pb.ts';
import { freePort } from '../../test/fixtures/index.ts';
import { Translator } from '../index.ts';
import { fillCertificates, makeGoldenCertificates, type GoldenCertificates } from '../testing/certificates.ts';
import { sourceChanges, TranslationState } from '../testing/golden.ts';
import { effectOf, type HeaderChange } from './action.ts';
import { ProxyModel, requiresClientCertificate, type Passage } from './proxy.ts';
import type { HttpRequest } from './request.ts';
import { ask, routeTag, startEcho, startProxy, type Answered, type Asked } from './testing/realProxy.ts';
import { request, world, type RandomRequest } from './testing/world.ts';

const directory = join(import.meta.dirname, '..');
// Fixed, so that a failure can be looked at again.
const seed = 20_261_121;
const worlds = 25;
const requestsEach = 80;

let certificates: GoldenCertificates;
let echo: http.Server;
const now = Date.now();

beforeAll(async () => {
  certificates = await makeGoldenCertificates(now);
  echo = await startEcho();
});
afterAll(() => {
  echo.close();
});

/** Listener ports as they stand in Gateways, each bound where it is free. */
async function bindings(ports: Iterable<number>): Promise<Map<number, number>> {
  const bound = new Map<number, number>();
  for (const port of ports) bound.set(port, await freePort());
  return bound;
}

async function translate(text: string, ports: ReadonlyMap<number, number>): Promise<TranslationState> {
  const translator = new Translator({
    binding: { address: '127.0.0.1', port: (port) => ports.get(port) ?? port },
    readiness: { address: '127.0.0.1', port: 0 },
  });
  translator.apply(sourceChanges(fillCertificates(text, certificates), now));
  const state = new TranslationState();
  state.take(translator);
  expect(state.faults).toEqual([]);
  return state;
}

function asSent({ host, method, path, headers }: RandomRequest, scheme: 'http' | 'https'): HttpRequest {
  const byName = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const values = byName.get(name.toLowerCase());
    if (values === undefined) byName.set(name.toLowerCase(), [value]);
    else values.push(value);
  }
  return { scheme, method, authority: host, path, headers: byName };
}

/** What the headers of a request become. */
function changed(
  headers: ReadonlyMap<string, readonly string[]>,
  changes: readonly HeaderChange[],
): Map<string, string> {
  const result = new Map([...headers].map(([name, values]) => [name, values.join(',')]));
  for (const { action, name, value = '' } of changes) {
    const before = result.get(name.toLowerCase());
    if (action === 'remove') result.delete(name.toLowerCase());
    else if (action === 'add' && before !== undefined) result.set(name.toLowerCase(), `${before},${value}`);
    else result.set(name.toLowerCase(), value);
  }
  return result;
}

/** The status of an answer; Envoy tells gRPC clients its own errors as 200 with a status of gRPC. */
function statusOf({ status, grpcStatus, seen }: Answered, expected: number): number {
  if (seen !== undefined || grpcStatus === undefined) return status;
  // Source: Envoy docs, "HTTP status to gRPC status".
  const wanted = { 404: '12', 500: '2', 503: '14' }[expected];
  return grpcStatus === wanted ? expected : status;
}

/** Compares what was read with what came back. */
function compare(passage: Passage, answered: Answered | undefined, where: string): void {
  if (answered === undefined) {
    const chain = 'chain' in passage ? passage.chain : undefined;
    if (chain !== undefined && requiresClientCertificate(chain)) return;
    expect(['no listener', 'no chain', 'wrong transport', 'stream'], where).toContain(passage.end);
    return;
  }
  if (passage.end === 'stream') {
    expect(answered.route, where).toBeUndefined();
    return;
  }
  if (passage.end === 'answered') {
    expect([answered.status, answered.route], where).toEqual([passage.status, undefined]);
    return;
  }
  if (passage.end !== 'route') {
    expect([statusOf(answered, 404), answered.route], where).toEqual([404, undefined]);
    expect(['no virtual host', 'no route'], where).toContain(passage.end);
    return;
  }
  const { table, configuration, virtualHost, shares, request: routed } = passage;
  const tags = shares.map(({ position }) => routeTag(table, virtualHost.domains[0]!, position));
  expect(tags, where).toContain(answered.route);
  const { route } = shares[tags.indexOf(answered.route!)]!;
  const effect = effectOf(route, virtualHost, configuration, routed);
  if (effect.kind === 'redirect') {
    expect([answered.status, answered.location], where).toEqual([effect.status, effect.location]);
    return;
  }
  if (effect.kind === 'answer') {
    expect(statusOf(answered, effect.status), where).toBe(effect.status);
    return;
  }
  if (answered.seen === undefined) {
    // A filter of the route may answer by itself, as one that asks for authorization does.
    if (Object.keys(route.typedPerFilterConfig).length > 0) return;
    // A share of the requests goes to a backend that does not exist.
    const { clusterNotFound } = effect;
    expect([statusOf(answered, clusterNotFound), effect.destinations.length > 1], where).toEqual([
      clusterNotFound,
      true,
    ]);
    return;
  }
  const destination = effect.destinations.find(({ cluster }) => cluster === answered.cluster);
  expect(destination, where).toBeDefined();
  const { seen } = answered;
  expect([seen.method, seen.headers['host'], seen.path], where).toEqual([effect.method, effect.authority, effect.path]);
  for (const [name, value] of changed(routed.headers, destination!.requestHeaders)) {
    expect(seen.headers[name], `${where}: ${name}`).toBe(value);
  }
  for (const { name, action } of destination!.requestHeaders) {
    if (action === 'remove') expect(seen.headers[name.toLowerCase()], where).toBeUndefined();
  }
}

describe('the real Envoy does what is read from its resources', () => {
  const met = new Map<string, number>();

  async function check(text: string, requests: readonly RandomRequest[]): Promise<void> {
    const wanted = [...new Set(requests.map(({ listenerPort }) => listenerPort))];
    const ports = await bindings(wanted);
    const state = await translate(text, ports);
    const model = new ProxyModel(state.resources.values());
    await using envoy = await startProxy(state, echo);
    for (const one of requests) {
      const port = ports.get(one.listenerPort)!;
      const isTls = one.listenerPort === 443;
      const asked: Asked = {
        port,
        serverName: isTls ? one.serverName : undefined,
        method: one.method,
        path: one.path,
        headers: [['Host', one.host], ...one.headers],
      };
      const serverName = one.serverName === '' ? undefined : one.serverName;
      const sent = asSent(one, isTls ? 'https' : 'http');
      const passage = model.follow('tcp', port, { isTls, serverName }, sent);
      met.set(passage.end, (met.get(passage.end) ?? 0) + 1);
      compare(passage, await ask(asked), `${JSON.stringify(one)} on\n${text}`);
    }
    expect(envoy.exited.aborted).toBe(false);
  }

  /** Of cookies that decide between routes. */
  async function cookieNames(text: string): Promise<string[]> {
    const { resources } = await translate(text, new Map());
    const names = new Set<string>();
    for (const { type, resource } of resources.values()) {
      if (type !== 'route') continue;
      const table = fromBinary(RouteConfigurationSchema, resource.bytes);
      for (const { routes } of table.virtualHosts) {
        for (const { match } of routes) for (const { name } of match?.cookies ?? []) names.add(name);
      }
    }
    return [...names];
  }

  test.each(globSync('**/*.in.yaml', { cwd: directory }).toSorted())('%s', async (name) => {
    const text = readFileSync(join(directory, name), 'utf8');
    // Hostnames and paths of the file itself, beside those of the vocabulary.
    const names = [...new Set(text.match(/\b[a-z-]+\.example\.(?:com|org)\b/g) ?? ['example.com'])];
    const paths = [...new Set(text.match(/(?<=[ "])\/[a-zA-Z0-9/._-]*/g) ?? ['/'])];
    const host = fc.constantFrom(...names);
    // The paths of gRPC are made of service and method.
    const words = (field: string): string[] =>
      [...text.matchAll(new RegExp(`\\b${field}: "?([A-Za-z][\\w.]*)`, 'g'))].map((match) => match[1]!);
    for (const service of words('service')) for (const method of words('method')) paths.push(`/${service}/${method}`);
    const contentType = fc.constantFrom<[string, string][]>(
      [],
      ...(text.includes('GRPCRoute') ? [[['content-type', 'application/grpc']] satisfies [string, string][]] : []),
    );
    // Cookies of sessions, by their names in the resources.
    const cookies = await cookieNames(text);
    const cookie = fc.constantFrom<[string, string][]>(
      [],
      ...cookies.map((each): [string, string][] => [['Cookie', `x=1; ${each}=abc`]]),
    );
    const arbitrary = fc
      .tuple(request, host, fc.constantFrom(...paths), fc.constantFrom('', '', '/deeper', '?q=1'), cookie, contentType)
      .map(([base, own, path, rest, sent, type]): RandomRequest => {
        const headers = [...base.headers, ...sent, ...type];
        return { ...base, host: own, serverName: own, path: path + rest, headers };
      });
    await check(text, fc.sample(arbitrary, { seed, numRuns: 25 }));
  });

  test.each(Array.from({ length: worlds }, (_, index) => index))('random world %i', async (index) => {
    const [text] = fc.sample(world, { seed: seed + index, numRuns: 1 });
    await check(text!, fc.sample(request, { seed: seed + index, numRuns: requestsEach }));
  });

  test('all ends were met', () => {
    const ends = ['answered', 'no chain', 'no listener', 'no route', 'no virtual host', 'route', 'stream'];
    expect([...met.keys()].toSorted()).toEqual(ends);
    expect(met.get('route')).toBeGreaterThan(500);
  });
});
