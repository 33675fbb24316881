/** Reads a request from the command line, as users write it for curl. */
import { isIP } from 'node:net';
import { SluiceError } from '../../standalone/sluiceError.ts';
import type { Question } from '../../translate/index.ts';

/** The request that is asked about. */
export interface AskedRequest {
  question: Question;
  /** As it is shown: `GET http://shop.example.com/cart`. */
  text: string;
  /** Of the URL, in lower case; empty for none. */
  host: string;
}

interface Scheme {
  transport: 'tcp' | 'udp';
  isTls: boolean;
  isHttp: boolean;
  /** Undefined where a port must be stated. */
  port: number | undefined;
}

const plain = { transport: 'tcp', isTls: false, isHttp: true, port: 80 } as const;
const secure = { transport: 'tcp', isTls: true, isHttp: true, port: 443 } as const;

const schemes: Readonly<Record<string, Scheme>> = {
  http: plain,
  https: secure,
  ws: plain,
  wss: secure,
  grpc: plain,
  grpcs: secure,
  tls: { transport: 'tcp', isTls: true, isHttp: false, port: 443 },
  tcp: { transport: 'tcp', isTls: false, isHttp: false, port: undefined },
  udp: { transport: 'udp', isTls: false, isHttp: false, port: undefined },
};

const token = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;

/** Nobody means another method by `get`, although methods are told apart by case. */
const standardMethod = /^(get|head|post|put|patch|delete|options|trace|connect)$/i;

function wrong(message: string): SluiceError {
  return new SluiceError('InvalidArgument', message);
}

/**
 * @param words `[METHOD] URL`
 * @param headerTexts of -H
 * @param serverName of --server-name
 * @throws SluiceError InvalidArgument
 */
export function parseRequest(
  words: readonly string[],
  headerTexts: readonly string[],
  serverName?: string,
): AskedRequest {
  const [first = '', second] = words;
  if (words.length > 2) {
    throw wrong(`There are ${words.length} arguments, but only METHOD and URL are taken; put the URL in quotes.`);
  }
  const url = second ?? first;
  const stated = second === undefined ? undefined : first;
  const { name, scheme, host, port, rest } = parseUrl(url);
  const headers = parseHeaders(headerTexts);
  const isGrpc = name.startsWith('grpc');
  if (stated !== undefined && !token.test(stated)) throw wrong(`${stated} is no HTTP method; write for example GET.`);
  if (!scheme.isHttp && (stated !== undefined || headerTexts.length > 0)) {
    throw wrong(`A ${name}:// connection has no method and no headers; write only the URL.`);
  }
  if (!scheme.isHttp && rest !== '' && rest !== '/') {
    throw wrong(`A ${name}:// connection has no path; write ${name}://${host}:${port}.`);
  }
  const sentName = serverName ?? host;
  const connection = {
    isTls: scheme.isTls,
    // An address is no server name. Source: RFC 6066, section 3.
    serverName: scheme.isTls && sentName !== '' && isIP(bare(sentName)) === 0 ? sentName : undefined,
  };
  if (serverName !== undefined && !scheme.isTls) {
    throw wrong(`--server-name is for TLS, but the URL begins with ${name}://; leave it out or ask with https://.`);
  }
  const question: Question = { transport: scheme.transport, port, connection, request: undefined };
  if (!scheme.isHttp) return { question, text: url, host };
  const method = standardMethod.test(stated ?? '') ? stated!.toUpperCase() : (stated ?? (isGrpc ? 'POST' : 'GET'));
  if (host === '' && !headers.has('host')) {
    throw wrong(`${url} names no host; write for example ${name}://shop.example.com${rest === '' ? '/' : rest}.`);
  }
  const standard = scheme.isTls ? 443 : 80;
  const authority = headers.get('host')?.[0] ?? (port === standard ? host : `${host}:${port}`);
  headers.delete('host');
  if (isGrpc && !headers.has('content-type')) headers.set('content-type', ['application/grpc']);
  if (name.startsWith('ws') && !headers.has('upgrade')) headers.set('upgrade', ['websocket']);
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  const path = target.replaceAll(/[^\u0021-\u007e]+/gu, (characters) => encodeURIComponent(characters));
  return {
    question: {
      ...question,
      request: { scheme: scheme.isTls ? 'https' : 'http', method, authority, path, headers },
    },
    text: `${method} ${url}`,
    host,
  };
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

interface ParsedUrl {
  name: string;
  scheme: Scheme;
  host: string;
  port: number;
  /** Path and query, without the fragment. */
  rest: string;
}

function parseUrl(url: string): ParsedUrl {
  const match = /^([a-z]+):\/\/(?:[^/?#@]*@)?(\[[^\]]*\]|[^/:?#[\]]*)(?::([^/?#]*))?([^#]*)/i.exec(url);
  if (match === null) {
    throw wrong(
      /^[a-z]+:\/\//i.test(url)
        ? `${url} is no URL; write for example http://shop.example.com/cart.`
        : `${url} is no URL; write it with its scheme, for example http://${url === '' ? 'shop.example.com/cart' : url}.`,
    );
  }
  const [, schemeText = '', hostText = '', portText, rest = ''] = match;
  const name = schemeText.toLowerCase();
  const scheme = schemes[name];
  if (scheme === undefined) {
    throw wrong(
      `${name}:// is not asked about; write one of ${Object.keys(schemes)
        .map((each) => `${each}://`)
        .join(', ')}.`,
    );
  }
  const port = portText === undefined || portText === '' ? scheme.port : Number(portText);
  if (port === undefined) throw wrong(`${url} names no port; write for example ${name}://${hostText}:5432.`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw wrong(`${portText} is no port; write a number from 1 to 65535.`);
  }
  if (hostText.startsWith('[') && isIP(bare(hostText)) !== 6) {
    throw wrong(`${hostText} is no IPv6 address; write for example http://[2001:db8::1]/.`);
  }
  return { name, scheme, host: hostText.toLowerCase(), port, rest };
}

function parseHeaders(texts: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const text of texts) {
    const colon = text.indexOf(':');
    const name = text.slice(0, colon).trim().toLowerCase();
    if (colon === -1 || !token.test(name)) {
      throw wrong(`-H ${JSON.stringify(text)} cannot be read; write -H 'Name: value'.`);
    }
    const value = text.slice(colon + 1).trim();
    const known = headers.get(name);
    if (known === undefined) headers.set(name, [value]);
    else known.push(value);
  }
  return headers;
}
