/** One request to a gateway, and what came back. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { TLSSocket } from 'node:tls';
import { waitFor } from '../../fixtures/index.ts';

/** A listener of a gateway, as a client sees it. */
export interface Endpoint {
  address: string;
  port: number;
  /** Certificates of the authorities that are trusted (PEM): speaks HTTPS. */
  authorities?: string;
}

export interface RequestTo extends Endpoint {
  /** The Host header, and the server name of HTTPS. */
  host: string;
  /** Default `/`. */
  path?: string;
  method?: string;
  headers?: Record<string, string>;
}

/** What echo-basic says of the request that it got. Source: Gateway API, conformance/echo-basic. */
export interface Echo {
  path: string;
  host: string;
  method: string;
  /** By their names as Go writes them: `X-Request-Id`. */
  headers: Record<string, string[]>;
  namespace: string;
  /** Of the Service, as the environment of its Pod says. */
  service: string;
  pod: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** What echo-basic said; undefined where it was not echo-basic that answered with 200. */
  echo: Echo | undefined;
  /** Serial number of the server's certificate, where the connection had one. */
  serialNumber: string | undefined;
}

/** A request that got no whole answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** Far beyond what any answer takes: it ends a request that hangs. */
const patience = 30_000;

/**
 * Sends a request, over a connection of its own where no agent is given, and reads the answer to its end.
 * @throws NoAnswer where none came
 */
export async function send(to: RequestTo, agent?: HttpAgent): Promise<Answer> {
  const secure = to.authorities !== undefined;
  const tls = secure ? { ca: to.authorities, servername: to.host } : {};
  const options: RequestOptions = {
    host: to.address,
    port: to.port,
    path: to.path ?? '/',
    method: to.method ?? 'GET',
    headers: { host: to.host, ...to.headers },
    agent: agent ?? false,
    timeout: patience,
    ...tls,
  };
  return await new Promise((resolve, reject) => {
    let progress = 'before the answer';
    const fail = (cause: Error): void => {
      const { code = '' } = cause as NodeJS.ErrnoException;
      reject(new NoAnswer(`${describe(to)}: ${code} ${cause.message} (${progress})`, { cause }));
    };
    const request = (secure ? httpsRequest : httpRequest)(options, (response) => {
      progress = `within the answer, which has status ${response.statusCode}`;
      const { socket } = response;
      const serialNumber = socket instanceof TLSSocket ? socket.getPeerCertificate().serialNumber : undefined;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', fail);
      response.once('end', () => {
        const { statusCode: status = 0, headers } = response;
        const body = Buffer.concat(chunks).toString();
        resolve({ status, headers, body, echo: status === 200 ? readEcho(body) : undefined, serialNumber });
      });
    });
    request.once('timeout', () => request.destroy(new Error(`no byte came for ${patience} ms`)));
    request.once('error', fail);
    request.end();
  });
}

function describe({ authorities, host, port, path = '/' }: RequestTo): string {
  return `${authorities === undefined ? 'http' : 'https'}://${host}:${port}${path}`;
}

function readEcho(body: string): Echo | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && 'pod' in value ? (value as Echo) : undefined;
  } catch {
    return undefined;
  }
}

/** An agent that keeps one connection. */
export function oneConnection(secure: boolean): HttpAgent {
  const options = { keepAlive: true, maxSockets: 1 };
  return secure ? new HttpsAgent(options) : new HttpAgent(options);
}

/**
 * Sends requests until one is answered as it should be.
 * @throws Error with the last answer where that never happens
 */
export async function untilAnswer(what: string, to: RequestTo, isRight: (answer: Answer) => boolean): Promise<Answer> {
  return await waitFor(what, async () => {
    const answer = await send(to);
    if (!isRight(answer)) throw new Error(`The answer is ${answer.status}: ${answer.body.slice(0, 2000)}`);
    return answer;
  });
}
